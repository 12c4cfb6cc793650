"""Received texts: whose they are, keywords, opt-outs, the inbox."""
