"""From the queue to a carrier, and the outcome: receipts, deadlines."""
