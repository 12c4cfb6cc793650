"""SMTP craft, without decisions: the listener, its limits, and reading a mail's text."""
