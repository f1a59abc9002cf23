"""The calendars that hold for schools, and what depends on them."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Uuid, any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.identity.copies import CalendarCopy
from chassis.transaction import Tx
from review.domain import State
from review.models import CaseRow

UNHEARD = CalendarCopy(0, {}, (), frozenset(), frozenset())
"""What holds until a calendar arrives: no windows, no holidays."""


async def open_days(tx: Tx, schools: Collection[UUID] | None) -> Sequence[Row[Any]]:
    """(school_id, school_year, submitted_on) of all open cases, of some schools or of all."""
    wanted = (
        select(CaseRow.school_id, CaseRow.school_year, CaseRow.submitted_on)
        .where(CaseRow.state == State.OPEN.value)
        .distinct()
    )
    if schools is not None:
        wanted = wanted.where(CaseRow.school_id == any_(literal(list(schools), ARRAY(Uuid))))
    return await tx.rows(wanted)
