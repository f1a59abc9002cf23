"""A service's own copies of organisations, accounts and calendars: heard, kept as rows, asked without asking anybody.

A service calls `create_copy_tables(op)` in its first migration and `hear_identity(subscribers)` beside its own
hearings. Paths are computed here, from parent to parent; where an ancestor has not arrived, the answer is no.
"""

from chassis.identity.copies.asking import (
    OrganisationCopy,
    authority_of,
    may_see,
    organisations,
    organisations_of,
    person_of,
    reaching,
    subtree,
)
from chassis.identity.copies.calendars import CalendarCopy, Days, calendar_of, calendars_of
from chassis.identity.copies.hearing import are_heard_by, hear_identity
from chassis.identity.copies.standing import stands
from chassis.identity.copies.tables import create_copy_tables

__all__ = [
    "CalendarCopy",
    "Days",
    "OrganisationCopy",
    "are_heard_by",
    "authority_of",
    "calendar_of",
    "calendars_of",
    "create_copy_tables",
    "hear_identity",
    "may_see",
    "organisations",
    "organisations_of",
    "person_of",
    "reaching",
    "stands",
    "subtree",
]
