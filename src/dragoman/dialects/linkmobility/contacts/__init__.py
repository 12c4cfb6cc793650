"""Lists, contacts, imports and merge fields (LINK v2 s. 04 to 07)."""
