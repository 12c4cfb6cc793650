"""Telling customers: durable, in order, retried over days."""
