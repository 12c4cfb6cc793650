"""Inbound texts: routing to accounts, keywords, opt-outs, the inbox."""
