"""Customers are told: webhooks, retry times, the worker that calls."""
