"""Twilio's API: messages, services, numbers, keys, look-ups and codes, with signed webhooks."""

from dragoman.dialects.twilio.dialect import build_twilio

__all__ = ["build_twilio"]
