"""A planted corruption for each invariant; the smallest that is its violation and nobody else's."""

from tests.chaos.corruptions import delivery, records, trust

__all__ = ["delivery", "records", "trust"]
