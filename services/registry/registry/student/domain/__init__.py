"""Rules of a pupil's record: identity, numbers, placement, status. Values in, values out."""

from registry.student.domain.completeness import Circumstances, complete, warnings
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
from registry.student.domain.matching import match_fold, name_parts
from registry.student.domain.numbers import (
    MOST_REGIONAL,
    MOST_TEMPORARY,
    formal_number,
    regional_number,
    temporary_number,
)
from registry.student.domain.placement import (
    PRESCHOOL,
    AgeRule,
    Place,
    School,
    SchoolClass,
    first_grade,
    grade,
    grade_name,
    misplaced,
    place,
    stage_of,
)
from registry.student.domain.problems import Caution, Problem
from registry.student.domain.purposes import purpose
from registry.student.domain.status import CHANGE_NAMES, EDGES, EDITABLE, GONE, RECORD_IS_SAID, Change, after

__all__ = [
    "CHANGE_NAMES",
    "CITIZEN_ID",
    "EDGES",
    "EDITABLE",
    "GONE",
    "GUARDIAN",
    "MOST_CHILDREN",
    "MOST_REGIONAL",
    "MOST_TEMPORARY",
    "OTHER_DOCUMENT",
    "PRESCHOOL",
    "RECORD_IS_SAID",
    "AgeRule",
    "Caution",
    "Change",
    "Circumstances",
    "Place",
    "Problem",
    "School",
    "SchoolClass",
    "after",
    "answering_guardian",
    "basics",
    "complete",
    "fault_of",
    "first_grade",
    "folded",
    "formal_number",
    "grade",
    "grade_name",
    "has_citizen_id",
    "masked_name",
    "masked_number",
    "masked_phone",
    "match_fold",
    "misplaced",
    "name_parts",
    "own_document",
    "place",
    "purpose",
    "regional_number",
    "stage_of",
    "temporary_number",
    "warnings",
]
