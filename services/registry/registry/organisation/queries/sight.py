"""Who stands where, and who may see and do what to whom."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Select, and_, or_, select, union
from sqlalchemy.sql.elements import ColumnElement

from chassis.identity import Actor
from chassis.rows import listed
from chassis.transaction import Tx
from contracts.refusal import NotAllowed, NotFound
from contracts.values import OrganisationKind, Role
from registry.organisation.models import AuthorityLinkRow, OrganisationRow

Org = OrganisationRow
_PLACES = select(Org.id, Org.kind, Org.name, Org.code, Org.path).where(listed(Org.id, "ids"))


@dataclass(frozen=True, slots=True)
class Place:
    """An organisation's place in the tree."""

    id: UUID
    kind: OrganisationKind
    name: str
    code: str
    path: tuple[UUID, ...]


def holds_on(on: date) -> ColumnElement[bool]:
    """Links that hold on a day."""
    return and_(
        AuthorityLinkRow.valid_from <= on,
        or_(AuthorityLinkRow.valid_until.is_(None), AuthorityLinkRow.valid_until > on),
    )


def within(organisation_id: UUID, on: date) -> Select[UUID]:
    """Ids of what an organisation reaches, for use as `column.in_(within(…))`.

    Itself, everything below it, and the schools (with their campuses) whose 主管单位 it is on that day, wherever they
    stand.
    """
    linked = select(AuthorityLinkRow.school_id).where(AuthorityLinkRow.authority_id == organisation_id, holds_on(on))
    of_links = select(Org.id).where(or_(Org.id.in_(linked), Org.parent_id.in_(linked)))
    reached = union(below(organisation_id), of_links).subquery()
    return select(reached.c.id)


def below(organisation_id: UUID) -> Select[UUID]:
    """Ids of the organisation and everything below it in the tree."""
    return select(Org.id).where(Org.path.contains([organisation_id]))


async def subtree(tx: Tx, organisation_id: UUID, on: date) -> frozenset[UUID]:
    """The ids of `within`, read."""
    return frozenset(row.id for row in await tx.rows(within(organisation_id, on)))


async def may_see(tx: Tx, actor: Actor, organisation_id: UUID) -> bool:
    """Whether the actor's organisation is the other, an ancestor of it, or its 主管单位 today."""
    if actor.organisation_id == organisation_id:
        return True
    reached = within(actor.organisation_id, tx.now.date()).subquery()
    return await tx.scalar(select(reached.c.id).where(reached.c.id == organisation_id)) is not None


async def require_sight(tx: Tx, actor: Actor, organisation_id: UUID, what: str = "单位") -> None:
    """Raise NotFound unless the actor may see the organisation."""
    if not await may_see(tx, actor, organisation_id):
        raise NotFound(what)


async def own_school(tx: Tx, actor: Actor) -> UUID:
    """The school of the actor. Raises NotFound for an authority."""
    place = (await places(tx, [actor.organisation_id])).get(actor.organisation_id)
    if place is None or place.kind is not OrganisationKind.SCHOOL:
        raise NotFound("学校")
    return place.id


async def require_own_school(tx: Tx, actor: Actor, school_id: UUID, what: str) -> None:
    """Raise NotFound unless the actor sees the school, NotAllowed unless it is hers."""
    await require_sight(tx, actor, school_id, "学校")
    if actor.organisation_id != school_id:
        raise NotAllowed(what)


async def require_authority_over(tx: Tx, actor: Actor, organisation_id: UUID, what: str) -> None:
    """Raise NotFound unless the actor sees it, NotAllowed unless she is an officer above it or of the province."""
    await require_sight(tx, actor, organisation_id)
    if Role.PROVINCE_ADMIN in actor.roles:
        return
    if Role.OFFICER not in actor.roles or actor.organisation_id == organisation_id:
        raise NotAllowed(what)


async def require_may_create(tx: Tx, actor: Actor, kind: OrganisationKind, parent_id: UUID | None) -> None:
    """Raise NotAllowed unless the province creates, or a school a campus of its own. Source: art. 6, art. 7."""
    if Role.PROVINCE_ADMIN in actor.roles:
        return
    if kind is not OrganisationKind.CAMPUS or parent_id != actor.organisation_id:
        raise NotAllowed("建立该单位")


async def require_may_edit(tx: Tx, actor: Actor, organisation_id: UUID, beyond_contact: Set[str]) -> None:
    """Raise NotFound unless the actor sees it, NotAllowed unless she may change these fields.

    The province may all; a school its own contact data, and its campuses. Source: art. 6, art. 7.
    """
    await require_sight(tx, actor, organisation_id)
    if Role.PROVINCE_ADMIN in actor.roles:
        return
    is_own_campus = await _centre(tx, organisation_id) == actor.organisation_id
    if not is_own_campus and (organisation_id != actor.organisation_id or beyond_contact):
        raise NotAllowed("修改该单位的这些信息")


async def _centre(tx: Tx, campus_id: UUID) -> UUID | None:
    """The school of a campus; None for anything else."""
    found: UUID | None = await tx.scalar(
        select(Org.parent_id).where(Org.id == campus_id, Org.kind == OrganisationKind.CAMPUS.value)
    )
    return found


async def places(tx: Tx, ids: Iterable[UUID]) -> Mapping[UUID, Place]:
    """Where organisations stand; unknown ids are missing."""
    rows = await tx.rows(_PLACES, {"ids": list(ids)})
    return {row.id: Place(row.id, OrganisationKind(row.kind), row.name, row.code, tuple(row.path)) for row in rows}
