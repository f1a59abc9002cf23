"""Who may see which case, as whom she looks, and which authorities reach a school."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Uuid, any_, literal, or_, true
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.identity import Actor
from chassis.identity.copies import organisations, subtree
from chassis.identity.copies import reaching as reached_by
from chassis.transaction import Tx
from contracts.values import AUTHORITY_KINDS, OrganisationKind, Role
from review.domain import Reviewer
from review.models import CaseRow

DECIDING = frozenset({Role.OFFICER, Role.PROVINCE_ADMIN})


@dataclass(frozen=True, slots=True)
class Sight:
    """The organisations whose cases somebody may see: those of their schools, and those that they decide."""

    organisations: frozenset[UUID] | None
    """None: all of them, for the province."""

    def reaches(self, school_id: UUID, authority_id: UUID | None) -> bool:
        """Whether a case of that school at that authority may be seen."""
        return self.organisations is None or school_id in self.organisations or authority_id in self.organisations

    def condition(self) -> ColumnElement[bool]:
        """The same for a statement over cases."""
        if self.organisations is None:
            return true()
        ids = literal(sorted(self.organisations), ARRAY(Uuid))
        return or_(CaseRow.school_id == any_(ids), CaseRow.authority_id == any_(ids))


async def sight(tx: Tx, actor: Actor) -> Sight:
    """What the actor may see today: her organisation, all below it, and the schools whose 主管单位 it is.

    Beside its schools' cases an authority sees those that were routed to it or below it, whose school may have been
    handed over since. The province sees all, unrouted ones of unknown schools, too: somebody must.
    """
    own = await organisations(tx, {actor.organisation_id})
    if not own:
        return Sight(frozenset())
    if own[actor.organisation_id].kind == OrganisationKind.PROVINCE:
        return Sight(None)
    return Sight(frozenset(await subtree(tx, actor.organisation_id, tx.now.date())))


async def reaching(tx: Tx, case: Row[Any]) -> Mapping[UUID, str]:
    """The authorities to which registry and photo show the pupil of a case, by code, with their names.

    Those that reach the school today, and the one that it was submitted to. None where nobody of them is known yet.
    """
    found = {each.id: each for each in await reached_by(tx, case.school_id, tx.now.date())}
    if case.asked_authority_id is not None:
        found |= await organisations(tx, {case.asked_authority_id})
    by_code = sorted(found.values(), key=lambda each: each.code)
    return {each.id: each.name for each in by_code if each.kind in AUTHORITY_KINDS}


def reviewer_of(actor: Actor) -> Reviewer:
    """The actor as the rules of review know her."""
    return Reviewer(actor.person_id, actor.organisation_id, decides=bool(DECIDING & actor.roles))


async def names_of(tx: Tx, ids: Iterable[UUID | None]) -> Mapping[UUID, str]:
    """Organisation → name, of those that are known. At most one statement."""
    wanted = {each for each in ids if each is not None}
    return {each: place.name for each, place in (await organisations(tx, wanted)).items()} if wanted else {}
