"""Phones that register and send messages."""
