"""What other areas, and pages, ask about pupils."""

from registry.student.queries.claims import Holder, Suspicion, alike, holders, suspicions, taken_numbers
from registry.student.queries.pupils import Pupil, Wanted, carried, conditions, pupil_page, pupils
from registry.student.queries.schools import Setting, by_number, school_class, setting, whom_to_ask
from registry.student.queries.speaking import changed, records_changed

__all__ = [
    "Holder",
    "Pupil",
    "Setting",
    "Suspicion",
    "Wanted",
    "alike",
    "by_number",
    "carried",
    "changed",
    "conditions",
    "holders",
    "pupil_page",
    "pupils",
    "records_changed",
    "school_class",
    "setting",
    "suspicions",
    "taken_numbers",
    "whom_to_ask",
]
