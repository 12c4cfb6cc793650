"""Where accounts live in a cluster, and which node owns what (ADR 0023)."""
