"""What Dragoman survives, shown: faults against real processes, judged by an independent ledger.

    python -m faults [--only R2,R3] [--repeat N] [--seed S] [--long]

Nothing here imports Dragoman: the ledger, the SMSC and the customer are written for this alone.
"""
