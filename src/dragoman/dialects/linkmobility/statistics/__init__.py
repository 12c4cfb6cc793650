"""The statistics of the LINK dialect (LINK v2 s. 10)."""
