"""The network's faults: TCP links that are cut, silent, slow, late, or reset at a chosen moment."""

from tests.chaos.network.link import Link, Way

__all__ = ["Link", "Way"]
