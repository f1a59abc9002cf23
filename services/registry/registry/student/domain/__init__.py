"""Rules of a pupil's record: identity, numbers, placement, status. Values in, values out."""

from registry.student.domain.identity import (
    CITIZEN_ID,
    GUARDIAN,
    MOST_CHILDREN,
    OTHER_DOCUMENT,
    answering_guardian,
    basics,
    fault_of,
    folded,
    has_citizen_id,
    own_document,
)
from registry.student.domain.masks import masked_name, masked_number, masked_phone
from registry.student.domain.numbers import formal_number, regional_number, temporary_number
from registry.student.domain.placement import (
    PRESCHOOL,
    AgeRule,
    Place,
    School,
    SchoolClass,
    first_grade,
    grade,
    grade_name,
    leaving_year,
    place,
    stage_of,
)
from registry.student.domain.problems import Problem
from registry.student.domain.status import EDGES, EDITABLE, Change, after

__all__ = [
    "CITIZEN_ID",
    "EDGES",
    "EDITABLE",
    "GUARDIAN",
    "MOST_CHILDREN",
    "OTHER_DOCUMENT",
    "PRESCHOOL",
    "AgeRule",
    "Change",
    "Place",
    "Problem",
    "School",
    "SchoolClass",
    "after",
    "answering_guardian",
    "basics",
    "fault_of",
    "first_grade",
    "folded",
    "formal_number",
    "grade",
    "grade_name",
    "has_citizen_id",
    "leaving_year",
    "masked_name",
    "masked_number",
    "masked_phone",
    "own_document",
    "place",
    "regional_number",
    "stage_of",
    "temporary_number",
]
