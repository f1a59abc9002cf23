"""What is wrong with a record."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a record, in words that say what to do."""

    code: str
    field: str
    """Path in the record (`birth_date`, `family.0.phone`), or `grade`, `class_number`, `school_code`."""
    text: str
