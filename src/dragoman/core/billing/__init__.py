"""Wallets and the ledger, prices, message types."""
