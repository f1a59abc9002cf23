"""What other areas, and pages, ask about pupils."""

from registry.student.queries.claims import Holder, Suspicion, alike, holders, taken_numbers
from registry.student.queries.details import (
    NumberOfOld,
    Step,
    numbers_of,
    placements_of,
    school_of,
    steps_of,
)
from registry.student.queries.duplicates import DuplicateCase, Pair, duplicate_cases, pair, require_both, suspicions
from registry.student.queries.pupils import Pupil, Wanted, carried, parts, pupil_page, pupils
from registry.student.queries.schools import Setting, by_number, school_class, setting, whom_to_ask
from registry.student.queries.speaking import changed, records_changed
from registry.student.queries.tallies import desk

__all__ = [
    "DuplicateCase",
    "Holder",
    "NumberOfOld",
    "Pair",
    "Pupil",
    "Setting",
    "Step",
    "Suspicion",
    "Wanted",
    "alike",
    "by_number",
    "carried",
    "changed",
    "desk",
    "duplicate_cases",
    "holders",
    "numbers_of",
    "pair",
    "parts",
    "placements_of",
    "pupil_page",
    "pupils",
    "records_changed",
    "require_both",
    "school_class",
    "school_of",
    "setting",
    "steps_of",
    "suspicions",
    "taken_numbers",
    "whom_to_ask",
]
