"""What a deadline does when it has passed."""

from sqlalchemy import Uuid, any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.identity.copies import calendars_of, organisations
from chassis.transaction import Tx
from review.commands.noting import note
from review.commands.opening import CHUNK, follow_calendars
from review.domain import State
from review.models import CaseEventRow, CaseRow


async def escalate(tx: Tx) -> int:
    """How many open cases were escalated because their deadline has passed: the next level up may decide them, too.

    Once per case, audited. A deadline that came from no calendar, or from an older one, is put right first, so that
    nothing is escalated before its time because a calendar was late. Source: art. 15.
    """
    overdue = (
        CaseRow.state == State.OPEN.value,
        CaseRow.authority_id.is_not(None),
        CaseRow.escalated_at.is_(None),
        CaseRow.deadline < tx.now.date(),
    )
    schools = {row.school_id for row in await tx.rows(select(CaseRow.school_id).where(*overdue).distinct())}
    if not schools:
        return 0
    heard = list(await calendars_of(tx, schools))
    await follow_calendars(tx, heard)
    rows = await tx.rows(
        select(CaseRow.id, CaseRow.school_id, CaseRow.authority_id)
        .where(*overdue, CaseRow.school_id == any_(literal(heard, ARRAY(Uuid))))
        .order_by(CaseRow.id)
        .limit(CHUNK)
        .with_for_update(skip_locked=True)
    )
    if not rows:
        return 0
    places = await organisations(tx, {row.authority_id for row in rows})
    up = {row.id: places[row.authority_id].parent_id if row.authority_id in places else None for row in rows}
    await tx.update(
        CaseRow,
        [{"id": row.id, "escalated_at": tx.now, "escalated_to": up[row.id]} for row in rows],
        key=("id",),
    )
    await tx.insert(
        CaseEventRow,
        [
            {
                "id": tx.new_id(),
                "case_id": row.id,
                "what": "escalated",
                "at": tx.now,
                "account_id": None,
                "organisation_id": None,
                "to_organisation_id": up[row.id],
                "text": None,
            }
            for row in rows
        ],
    )
    note(tx, "case.escalate", {row.id: row.school_id for row in rows})
    return len(rows)
