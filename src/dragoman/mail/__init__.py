"""SMTP without policy: the listener, its limits, and reading the text of a mail."""
