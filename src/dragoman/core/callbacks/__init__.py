"""Notifications of customers: webhooks, retry times, and the worker that calls."""
