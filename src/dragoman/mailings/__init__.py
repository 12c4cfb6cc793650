"""E-mail campaigns on the wire: mails, the relay they go to, and the pages behind their links."""
