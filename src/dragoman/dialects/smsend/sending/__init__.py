"""Sending texts, what became of them, and what was sent."""
