"""Every invariant, by what it is about. Importing this registers them all."""

from tests.chaos.check.invariants import (
    clients,
    copies,
    delivery,
    people,
    pupils,
    requests,
    secrecy,
    settings,
    the_nation,
    trail,
)

__all__ = [
    "clients",
    "copies",
    "delivery",
    "people",
    "pupils",
    "requests",
    "secrecy",
    "settings",
    "the_nation",
    "trail",
]
