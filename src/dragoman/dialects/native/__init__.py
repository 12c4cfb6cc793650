"""The house's own API under `/api/v1`, for programs that were written against no provider's."""

from dragoman.dialects.native.dialect import build_native

__all__ = ["build_native"]
