"""Alerts: rules about what is measured, and who is told."""
