"""HTTP craft without decisions: the dialect kit, its limits, and the guarded outgoing client."""
