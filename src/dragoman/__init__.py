"""Dragoman: the SMS gateway that speaks your provider's language."""

__version__ = "0.1.0"
