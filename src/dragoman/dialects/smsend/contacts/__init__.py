"""Contacts, their groups, and the blacklist."""
