"""Carriers with an HTTP API: one engine, and a table for each provider (ADR 0017)."""
