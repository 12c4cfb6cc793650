"""Queries and writes, one module a noun; the only place besides `tables` that knows SQL."""
