"""SMPP 3.4 as bytes and values, both sides of the wire; no socket, clock or task lives here."""
