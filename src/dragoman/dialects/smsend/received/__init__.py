"""Received texts: new ones since the last call, and those of earlier times."""
