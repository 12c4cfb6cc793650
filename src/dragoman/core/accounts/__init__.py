"""Accounts, their tree, how they prove who they are, what they buy, who changed what."""
