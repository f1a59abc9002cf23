"""A school says why it enters pupils despite a warning."""

from collections.abc import AsyncIterator, Collection
from uuid import UUID

from chassis.transaction import Tx
from registry.enrolment import queries
from registry.enrolment.commands.receipts import MOST
from registry.enrolment.errors import NameTheWarning, NothingToExplain, TooMany
from registry.enrolment.models import ExplanationRow
from registry.enrolment.queries import Judged
from registry.student import queries as students
from registry.student.domain import EDITABLE
from registry.student.queries import Wanted


async def explain(tx: Tx, school_id: UUID, ids: Collection[UUID] | None, code: str | None, reason: str) -> int:
    """How many of the pupils have the reason now: for one kind of warning, or for all that still wait for one.

    `ids` None: all pupils of the school who still wait for a reason to this kind. Only warnings that pre-review shows
    are explained, and only of drafts and returned pupils of the school. A later reason takes the place of an earlier
    one where pupils and kind are named; a general one never does. Seven statements for 500 pupils. Raises TooMany,
    NameTheWarning, NothingToExplain.
    """
    if ids is None and code is None:
        raise NameTheWarning
    if ids is not None and len(ids) > MOST:
        raise TooMany(MOST)
    explained: list[UUID] = []
    async for page in _waiting(tx, school_id) if ids is None else _named(tx, school_id, ids):
        warned = [
            (student_id, warning.code)
            for student_id, verdict in page.verdicts.items()
            for warning in (verdict.unexplained if ids is None or code is None else verdict.warnings)
            if warning.asks and code in (None, warning.code)
        ]
        await _store(tx, warned, reason)
        explained += dict.fromkeys(student_id for student_id, _ in warned)
    if not explained:
        raise NothingToExplain
    noted = [("student", each) for each in explained]
    tx.note("enrolment.explain", noted, organisation=school_id, detail={"code": code or "all"})
    return len(explained)


async def _named(tx: Tx, school_id: UUID, ids: Collection[UUID]) -> AsyncIterator[Judged]:
    found = await students.pupils(tx, list(dict.fromkeys(ids)))
    mine = {each.id: each for each in found.values() if each.school_id == school_id and each.status in EDITABLE}
    yield await queries.judged(tx, mine)


async def _waiting(tx: Tx, school_id: UUID) -> AsyncIterator[Judged]:
    wanted = Wanted(schools=(school_id,), statuses=EDITABLE)
    async for part in students.parts(tx, wanted, queries.AT_ONCE):
        yield await queries.judged(tx, {each.id: each for each in part})


async def _store(tx: Tx, warned: Collection[tuple[UUID, str]], reason: str) -> None:
    rows = [
        {
            "student_id": student_id,
            "code": code,
            "reason_sealed": queries.sealed_reason(tx, student_id, code, reason),
            "account_id": tx.actor.account_id if tx.actor else None,
            "given_at": tx.now,
        }
        for student_id, code in warned
    ]
    await tx.upsert(ExplanationRow, rows, key=["student_id", "code"])
