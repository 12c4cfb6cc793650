"""Phones as a carrier: the core that hands out work, and one package for each phone protocol."""
