"""What reviewers do with a case short of deciding it: claim, reroute."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, update

from chassis.identity.copies import organisations
from chassis.transaction import Tx
from contracts.refusal import NotFound
from contracts.values import AUTHORITY_KINDS, Role
from review import domain, queries
from review.commands.deciding import locked
from review.domain import Case
from review.errors import NotAnAuthority
from review.models import CaseEventRow, CaseRow


async def claim(tx: Tx, case_id: UUID) -> None:
    """The case shows as the actor's for ten minutes; nothing changes when she may not decide it or another has it.

    A claim informs the others and forbids nothing, so it is not refused either. Raises NotFound.
    """
    assert tx.actor is not None
    row, case = await _one(tx, case_id)
    taken = row.claimed_by not in (None, tx.actor.account_id) and row.claimed_until > tx.now
    if taken or domain.obstacle(case, queries.reviewer_of(tx.actor)) is not None:
        return
    await tx.update(
        CaseRow,
        [{"id": case_id, "claimed_by": tx.actor.account_id, "claimed_until": tx.now + domain.CLAIM}],
        key=("id",),
    )


async def release_expired(tx: Tx) -> int:
    """How many claims have ended because their time was over."""
    result = await tx.execute(
        update(CaseRow).values(claimed_by=None, claimed_until=None).where(CaseRow.claimed_until <= tx.now)
    )
    return int(result.rowcount)


async def reroute(tx: Tx, case_id: UUID, to: UUID, reason: str) -> None:
    """The case handed to another authority, which alone decides it from now on; the deadline stays.

    Its authority may, and the province may, whoever has it. It goes to whom the school was submitted to, or who reaches
    the school today; of a school that is not known yet the province says whose it is. Raises NotFound, AlreadyDecided,
    RequestTakenBack, NotRouted, NotYourCase, NotAnAuthority, OutOfReach, SameAuthority, TextTooLong and
    PersonalDataInText.
    """
    assert tx.actor is not None
    text = domain.check_text(reason)
    row, case = await _one(tx, case_id)
    places = await organisations(tx, {to})
    reaching = await queries.reaching(tx, row)
    province = Role.PROVINCE_ADMIN in tx.actor.roles
    domain.require_reroutable(case, queries.reviewer_of(tx.actor), to, anywhere=province)
    if to not in places or places[to].kind not in AUTHORITY_KINDS:
        raise NotAnAuthority
    if reaching or not province:
        domain.require_reach(case, to, places[to].name, reaching)
    changes = {
        "id": case_id,
        "authority_id": to,
        "escalated_to": places[to].parent_id if row.escalated_at else None,
        "claimed_by": None,
        "claimed_until": None,
    }
    await tx.update(CaseRow, [changes], key=("id",))
    happened = {
        "id": tx.new_id(),
        "case_id": case_id,
        "what": "rerouted",
        "at": tx.now,
        "account_id": tx.actor.account_id,
        "organisation_id": tx.actor.organisation_id,
        "to_organisation_id": to,
        "text": text,
    }
    await tx.insert(CaseEventRow, [happened])
    tx.note("case.reroute", [("case", case_id)], organisation=row.school_id, detail={"to": str(to)})


async def _one(tx: Tx, case_id: UUID) -> tuple[Row[Any], Case]:
    found = (await locked(tx, [case_id])).get(case_id)
    if found is None:
        raise NotFound("申请")
    return found
