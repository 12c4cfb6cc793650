"""Sending texts, their status, and what was sent."""
