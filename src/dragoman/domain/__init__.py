"""Values and rules of the house; no I/O, no clock, no provider's words."""
