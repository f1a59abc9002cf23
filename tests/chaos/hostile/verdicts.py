"""What a hostile file must come to: refused by code, or so many rows taken and so many refused with these codes."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Taken:
    """The file is read: rows without a fault, and the codes of the faults of the others."""

    good: int
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hostile:
    """One file, made only when it is needed."""

    title: str
    name: str
    make: Callable[[], bytes]
    verdict: "str | Taken"
    """The code of the refusal, or what is taken."""
