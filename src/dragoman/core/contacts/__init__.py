"""Contacts, lists, groups, merge fields, imports."""
