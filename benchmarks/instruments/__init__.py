"""What measures: a sink for SMPP, a sink for callbacks, a source of load. None imports Dragoman."""
