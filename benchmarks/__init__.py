"""Measurements against real processes; `python -m benchmarks --help` lists them."""
