"""Jasmin's HTTP API, for programs written against that gateway."""

from dragoman.dialects.jasmin.dialect import build_jasmin

__all__ = ["build_jasmin"]
