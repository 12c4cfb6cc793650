"""Accounts and their tree: authentication, credits bought from a parent, and the audit log."""
