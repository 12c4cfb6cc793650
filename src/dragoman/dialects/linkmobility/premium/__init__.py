"""Messages that their recipients pay for (LINK v2 s. 08, 09 and 14)."""
