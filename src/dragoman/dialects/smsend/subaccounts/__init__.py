"""Subaccounts: the accounts that a superaccount makes, pays for and sells credits to."""
