"""Invariants by id: what each says, when it must hold, and the function that looks for its violations."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tests.chaos.check.world import World

Search = Callable[[World], Iterable[object]]
"""A witness, in words without personal data, for each violation."""


class Holds(StrEnum):
    """When an invariant must hold."""

    ALWAYS = "S"
    """At every instant, in the middle of chaos too."""
    AT_REST = "Q"
    """Once nothing is on its way any more."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """One invariant; an id may have a part of each kind."""

    id: str
    title: str
    holds: Holds
    search: Search


INVARIANTS: Final[list[Invariant]] = []
NOT_APPLICABLE: Final[Mapping[str, str]] = {
    "I32": "Needs a second run with other clocks: one state cannot show that another clock would have led to it too.",
}
"""Ids that nothing here checks, and why."""
NOT_HERE: Final[Mapping[str, str]] = {
    "I7": "Transfers, leaving and graduation do not exist: the ledger is enrolled − removed − rejected.",
    "I9": "Transfers do not exist: nobody is between two schools, and there is no deadline of a transfer.",
    "I24": "Exports need no approval by another person: an export is checked to have left its entry, no more.",
    "I28": "There is no erasure on demand: only pupils who ended (removed, rejected) and ended records are checked.",
    "I29": "A lead has one shard; its token is the transactional producer's id and epoch.",
}
"""Parts of invariants that the system has nothing for."""


def invariant(number: str, title: str, holds: Holds) -> Callable[[Search], Search]:
    """Register the search for violations of an invariant."""

    def register(search: Search) -> Search:
        INVARIANTS.append(Invariant(number, title, holds, search))
        return search

    return register


always, at_rest = Holds.ALWAYS, Holds.AT_REST
