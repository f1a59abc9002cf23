"""Why a pupil was sent back or refused: the last decision, as review keeps it."""

from portal.clients.calling import Part, part
from portal.clients.registry.students import Pupil
from portal.clients.review import CaseDetail
from portal.menu import O, P, R, V
from portal.visiting import Visit

SENT_BACK = ("returned", "rejected")


async def last_decision(visit: Visit, pupil: Pupil) -> Part[list[CaseDetail]]:
    """The pupil's last case where it was returned or rejected; empty where it was not, or is not for this account."""
    if pupil.status not in SENT_BACK or not visit.has(R, O, V, P):
        return Part([])
    return await part(_last(visit, pupil))


async def _last(visit: Visit, pupil: Pupil) -> list[CaseDetail]:
    found = await visit.review.cases({"student": str(pupil.id), "sort": "submitted"}, 0, 200)
    if not found.items or found.items[-1].decision not in SENT_BACK:
        return []  # The last one was taken back by the school, say.
    return [await visit.review.case(found.items[-1].id, {})]
