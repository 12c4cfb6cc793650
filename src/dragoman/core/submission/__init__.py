"""Requests to send, from being decided to being stored; batches and what becomes of them."""
