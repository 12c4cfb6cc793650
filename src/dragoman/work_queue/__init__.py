"""Engines that carry work to the dispatchers; every item can be rebuilt from SQL."""
