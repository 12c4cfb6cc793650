"""Searches, timelines and traffic of what was sent and received."""
