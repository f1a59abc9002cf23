"""What other areas, and pages, ask about pupils."""

from registry.student.queries.claims import Holder, holders, taken_numbers
from registry.student.queries.pupils import Pupil, Wanted, carried, conditions, pupil_page, pupils
from registry.student.queries.speaking import changed, records_changed

__all__ = [
    "Holder",
    "Pupil",
    "Wanted",
    "carried",
    "changed",
    "conditions",
    "holders",
    "pupil_page",
    "pupils",
    "records_changed",
    "taken_numbers",
]
