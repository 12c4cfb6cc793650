"""Users: the accounts at and below the caller's own (LINK v2 s. 11)."""
