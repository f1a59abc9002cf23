"""A small service, run as real processes by the chassis's tests. It speaks as photo, whose topic the contracts have."""
