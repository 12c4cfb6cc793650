"""Kannel's `sendsms` and its calls to a `dlr-url`, for programs written against that gateway."""

from dragoman.dialects.kannel.dialect import build_kannel

__all__ = ["build_kannel"]
