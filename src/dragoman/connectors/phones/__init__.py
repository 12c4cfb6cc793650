"""Phones as a carrier: assignment of messages, and one package for each phone protocol."""
