"""A node of a cluster: gateways of the partitions it owns, one front, the carriers it holds."""
