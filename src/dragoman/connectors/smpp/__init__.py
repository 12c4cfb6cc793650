"""SMPP carriers: an asyncio shell around `protocols.smpp`, and the habits of SMSCs."""
