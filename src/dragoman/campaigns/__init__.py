"""The edge of e-mail campaigns: the relay that takes mails, the pages behind their links."""
