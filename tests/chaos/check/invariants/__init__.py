"""Every invariant, by what it is about. Importing this registers them all."""

from tests.chaos.check.invariants import (
    clients,
    copies,
    delivery,
    jobs,
    numbers,
    people,
    pupils,
    requests,
    secrecy,
    settings,
    the_nation,
    trail,
    wire,
    witnesses,
)

__all__ = [
    "clients",
    "copies",
    "delivery",
    "jobs",
    "numbers",
    "people",
    "pupils",
    "requests",
    "secrecy",
    "settings",
    "the_nation",
    "trail",
    "wire",
    "witnesses",
]
