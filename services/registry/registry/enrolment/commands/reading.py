"""Reads that leave a trace."""

from uuid import UUID

from chassis.identity import Actor
from chassis.transaction import Tx
from registry.enrolment import queries
from registry.enrolment.queries import Submission


async def read(tx: Tx, actor: Actor, request_id: UUID) -> Submission:
    """The frozen submission of a request, unmasked; the read is noted. Raises NotFound for who may not see it."""
    found = await queries.request(tx, actor, request_id)
    tx.note("request.read", [("request", request_id), ("student", found.student_id)], organisation=found.school_id)
    return found
