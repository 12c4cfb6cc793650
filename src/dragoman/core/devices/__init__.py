"""Phones that register and send."""
