"""From the queue to a carrier, and what came of it: outcomes, receipts, deadlines."""
