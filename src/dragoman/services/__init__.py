"""Use cases: what the house decides. Services know no HTTP and no SQL."""
