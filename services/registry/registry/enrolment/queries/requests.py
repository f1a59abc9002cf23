"""Requests as reviewers see them, in the reach of whoever asks."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import or_, select

from chassis.identity import Actor
from chassis.rows import among
from chassis.transaction import Tx
from contracts.refusal import NotFound
from contracts.values import StudentStatus
from registry.enrolment.models import SubmissionRow
from registry.enrolment.queries.submissions import Submission, submissions
from registry.organisation import queries as organisations
from registry.student import queries as students


@dataclass(frozen=True, slots=True)
class Likeness:
    """Another pupil who may be the same child."""

    student_id: UUID | None
    """None where the asker may not see that pupil."""
    school_name: str | None
    """None where the asker may not see that school."""
    status: StudentStatus


async def visible(tx: Tx, actor: Actor, request_ids: Collection[UUID]) -> list[UUID]:
    """Those of the requests that the actor may see, in the order asked for. One statement.

    A request is seen by who sees its school today, by the authority that it was submitted to, and by who stands above
    that one: an open case keeps its authority when the school gets another, and is escalated or handed upwards from
    there. Further review hands no case, for registry does not hear where one went.
    """
    reach = organisations.within(actor.organisation_id, tx.now.date())
    rows = await tx.rows(
        select(SubmissionRow.request_id).where(
            among(SubmissionRow.request_id, request_ids),
            or_(
                SubmissionRow.school_id.in_(reach),
                SubmissionRow.authority_id.in_(organisations.below(actor.organisation_id)),
            ),
        )
    )
    seen = {row.request_id for row in rows}
    return [each for each in dict.fromkeys(request_ids) if each in seen]


async def request(tx: Tx, actor: Actor, request_id: UUID) -> Submission:
    """The frozen submission of a request, in full. Raises NotFound for who may not see it."""
    found = await submissions(tx, await visible(tx, actor, [request_id]))
    if request_id not in found:
        raise NotFound("申请")
    return found[request_id]


async def looked_up(tx: Tx, actor: Actor, request_ids: Sequence[UUID]) -> list[Submission]:
    """The submissions that the actor may see, in the order asked for; the others are missing. Two statements."""
    seen = await visible(tx, actor, request_ids)
    found = await submissions(tx, seen)
    return [found[each] for each in seen]


async def likenesses(tx: Tx, actor: Actor, student_id: UUID) -> list[Likeness]:
    """Other pupils who may be the same child as this one, as far as the actor may know."""
    others = (await students.suspicions(tx, [student_id])).get(student_id, [])
    if not others:
        return []
    places = await organisations.places(tx, {each.school_id for each in others})
    reach = await organisations.subtree(tx, actor.organisation_id, tx.now.date())
    return [
        Likeness(each.student_id, places[each.school_id].name, each.status)
        if each.school_id in reach
        else Likeness(None, None, each.status)
        for each in others
    ]
