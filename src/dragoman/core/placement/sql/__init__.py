"""The shared schema: tables and statements."""
