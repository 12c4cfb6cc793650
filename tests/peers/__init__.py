"""Checks against others' servers that the suite does not run: each says what it needs."""
