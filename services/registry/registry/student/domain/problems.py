"""What is wrong with a record."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a record, in words that say what to do."""

    code: str
    field: str
    """Path in the record (`birth_date`, `family.0.phone`), or `grade`, `class_number`, `school_code`."""
    text: str


@dataclass(frozen=True, slots=True)
class Caution:
    """One thing that may be right and is unusual."""

    code: str
    field: str
    text: str
    asks: bool = True
    """Whether the school must give a reason before it submits; otherwise it is only shown."""
