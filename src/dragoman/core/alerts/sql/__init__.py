"""Tables and statements of alerts."""
