"""A school asks to have submissions back; review alone closes the case."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import update

from chassis.rows import among
from chassis.transaction import Tx
from contracts.registry import WithdrawalAsked
from registry.enrolment import queries
from registry.enrolment.commands.receipts import MOST, Refused, unknown
from registry.enrolment.errors import TooMany
from registry.enrolment.models import SubmissionRow
from registry.student import commands as pupils


@dataclass(frozen=True, slots=True)
class Asked:
    """For whom it was asked, and for whom it was not."""

    asked: tuple[UUID, ...]
    refused: tuple[Refused, ...]


async def ask_withdrawal(tx: Tx, school_id: UUID, ids: Collection[UUID]) -> Asked:
    """Ask review to close the open requests of the pupils. The pupil reopens when review says so. Three statements.

    A decision that was taken meanwhile stands. Raises TooMany.
    """
    if len(ids) > MOST:
        raise TooMany(MOST)
    wanted = list(dict.fromkeys(ids))
    held = await pupils.lock(tx, wanted)
    requests = await queries.open_of(tx, wanted)
    asked: dict[UUID, UUID] = {}
    refused: list[Refused] = []
    for each in wanted:
        request = requests.get(each)
        if each not in held or held[each].school_id != school_id:
            refused.append(unknown(each))
        elif request is None:
            text = "该生没有待审核的申请，无需撤回。请刷新列表查看最新状态。"
            refused.append(Refused(each, "nothing-to-withdraw", text))
        elif request.withdrawal_asked_at is not None:
            text = "该生的申请已请求撤回，正在等待审核系统处理，请稍后刷新查看。"
            refused.append(Refused(each, "already-asked", text))
        else:
            asked[each] = request.request_id
    if asked:
        await tx.execute(
            update(SubmissionRow)
            .where(among(SubmissionRow.request_id, asked.values()))
            .values(withdrawal_asked_at=tx.now)
        )
        assert tx.actor is not None
        for student_id, request_id in asked.items():
            tx.say(request_id, WithdrawalAsked(student_id=student_id, asked_by=tx.actor.person_id))
        tx.note("enrolment.ask-withdrawal", [("student", each) for each in asked], organisation=school_id)
    return Asked(tuple(asked), tuple(refused))
