"""Who stands where in the tree, who may see whom, and who decides for which school."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from chassis.identity import Actor
from chassis.transaction import Tx
from sqlalchemy import Select, and_, case, or_, select, union
from sqlalchemy.sql.elements import ColumnElement

from contracts.event import Event
from contracts.identity import AuthorityLink, OrganisationChanged
from contracts.refusal import NotAllowed, NotFound
from contracts.values import OrganisationKind, Role, Schooling, Stage
from registry.organisation import domain
from registry.organisation.models import AuthorityLinkRow, OrganisationRow, SchoolingRow

Org = OrganisationRow


@dataclass(frozen=True, slots=True)
class School:
    """A school or campus as the other areas need it."""

    id: UUID
    kind: OrganisationKind
    name: str
    code: str
    """学校标识码."""
    county_code: str
    """Six digits."""
    school_number: str
    """The three digits of 学校编码; a campus has its school's."""
    stages: tuple[Stage, ...]
    schooling: Schooling
    centre_id: UUID
    """The school itself, or the school that the campus belongs to."""
    valid_from: date
    valid_until: date | None

    def exists(self, on: date) -> bool:
        """Whether it is open on that day."""
        return self.valid_from <= on and (self.valid_until is None or on < self.valid_until)


@dataclass(frozen=True, slots=True)
class Place:
    """An organisation's place in the tree."""

    id: UUID
    kind: OrganisationKind
    name: str
    code: str
    path: tuple[UUID, ...]


def _holds(on: date) -> ColumnElement[bool]:
    return and_(
        AuthorityLinkRow.valid_from <= on,
        or_(AuthorityLinkRow.valid_until.is_(None), AuthorityLinkRow.valid_until > on),
    )


def within(organisation_id: UUID, on: date) -> Select[tuple[UUID]]:
    """Ids of what an organisation reaches, for use as `column.in_(within(…))`.

    Itself, everything below it, and the schools (with their campuses) whose 主管单位 it is on that day, wherever they
    stand.
    """
    linked = select(AuthorityLinkRow.school_id).where(AuthorityLinkRow.authority_id == organisation_id, _holds(on))
    of_links = select(Org.id).where(or_(Org.id.in_(linked), Org.parent_id.in_(linked)))
    reached = union(below(organisation_id), of_links).subquery()
    return select(reached.c.id)


def below(organisation_id: UUID) -> Select[tuple[UUID]]:
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


async def require_own_school(tx: Tx, actor: Actor, school_id: UUID, what: str) -> None:
    """Raise NotFound unless the actor sees the school, NotAllowed unless it is her own (the school or the campus's)."""
    await require_sight(tx, actor, school_id, "学校")
    own = {school.centre_id for school in (await schools(tx, [actor.organisation_id])).values()}
    if actor.organisation_id != school_id and school_id not in own:
        raise NotAllowed(what)


async def require_authority_over(tx: Tx, actor: Actor, organisation_id: UUID, what: str) -> None:
    """Raise NotFound unless the actor sees it, NotAllowed unless she is an officer above it or of the province."""
    await require_sight(tx, actor, organisation_id)
    if Role.PROVINCE_ADMIN in actor.roles:
        return
    if Role.OFFICER not in actor.roles or actor.organisation_id == organisation_id:
        raise NotAllowed(what)


async def places(tx: Tx, ids: Iterable[UUID]) -> Mapping[UUID, Place]:
    """Where organisations stand; unknown ids are missing."""
    rows = await tx.rows(select(Org.id, Org.kind, Org.name, Org.code, Org.path).where(Org.id.in_(list(ids))))
    return {row.id: Place(row.id, OrganisationKind(row.kind), row.name, row.code, tuple(row.path)) for row in rows}


async def authority_of(tx: Tx, school_ids: Iterable[UUID], on: date) -> dict[UUID, UUID | None]:
    """The 主管单位 of each school on that day, of any level; a campus has its school's; None where none is known."""
    wanted = list(school_ids)
    centre = case((Org.kind == OrganisationKind.CAMPUS.value, Org.parent_id), else_=Org.id)
    rows = await tx.rows(
        select(Org.id, AuthorityLinkRow.authority_id)
        .join(AuthorityLinkRow, and_(AuthorityLinkRow.school_id == centre, _holds(on)))
        .where(Org.id.in_(wanted))
    )
    return {**dict.fromkeys(wanted), **{row.id: row.authority_id for row in rows}}


async def schools(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, School]:
    """Schools and campuses by id, their 学制 as of today; other kinds and unknown ids are missing."""
    return {school.id: school for school in await _schools(tx, Org.id.in_(list(ids)))}


async def schools_by_code(tx: Tx, codes: Iterable[str]) -> dict[str, School]:
    """Schools and campuses by 学校标识码; unknown codes are missing."""
    wanted = [code for code in codes if code]
    return {school.code: school for school in await _schools(tx, Org.code.in_(wanted))}


async def _schools(tx: Tx, which: ColumnElement[bool]) -> Sequence[School]:
    centre = Org.__table__.alias("centre")
    rows = await tx.rows(
        select(Org, centre.c.school_number.label("centre_number"), centre.c.stages.label("centre_stages"))
        .outerjoin(centre, and_(centre.c.id == Org.parent_id, Org.kind == OrganisationKind.CAMPUS.value))
        .where(which, Org.kind.in_([OrganisationKind.SCHOOL.value, OrganisationKind.CAMPUS.value]))
    )
    centres = {row.id: row.parent_id if row.kind == OrganisationKind.CAMPUS else row.id for row in rows}
    dated = await schoolings(tx, set(centres.values()))
    today = tx.now.date()
    return [
        School(
            id=row.id,
            kind=OrganisationKind(row.kind),
            name=row.name,
            code=row.code,
            county_code=row.county_code or row.region_code[:6],
            school_number=row.school_number or row.centre_number or "",
            stages=tuple(Stage(each) for each in (row.stages or row.centre_stages or ())),
            schooling=domain.schooling_on(dated.get(centres[row.id], ()), today),
            centre_id=centres[row.id],
            valid_from=row.valid_from,
            valid_until=row.valid_until,
        )
        for row in rows
    ]


async def schoolings(tx: Tx, school_ids: Iterable[UUID]) -> dict[UUID, list[tuple[date, Schooling]]]:
    """Every 学制 of each school with the day from which it holds."""
    rows = await tx.rows(
        select(SchoolingRow.school_id, SchoolingRow.valid_from, SchoolingRow.schooling).where(
            SchoolingRow.school_id.in_(list(school_ids))
        )
    )
    found: dict[UUID, list[tuple[date, Schooling]]] = {}
    for row in rows:
        found.setdefault(row.school_id, []).append((row.valid_from, Schooling(row.schooling)))
    return found


async def links(tx: Tx, school_ids: Iterable[UUID]) -> dict[UUID, list[domain.Link]]:
    """Every authority link of each school, in the order of their days."""
    rows = await tx.rows(
        select(AuthorityLinkRow)
        .where(AuthorityLinkRow.school_id.in_(list(school_ids)))
        .order_by(AuthorityLinkRow.school_id, AuthorityLinkRow.valid_from)
    )
    found: dict[UUID, list[domain.Link]] = {}
    for row in rows:
        found.setdefault(row.school_id, []).append(domain.Link(row.authority_id, row.valid_from, row.valid_until))
    return found


async def changed(tx: Tx, ids: Sequence[UUID]) -> Mapping[UUID, Event | None]:
    """What registry says of organisations now: the builder of registry.organisation.v1."""
    rows = await tx.rows(select(Org).where(Org.id.in_(list(ids))))
    linked = await links(tx, ids)
    dated = await schoolings(tx, ids)
    today = tx.now.date()
    return {
        row.id: OrganisationChanged(
            kind=OrganisationKind(row.kind),
            name=row.name,
            code=row.code,
            parent_id=row.parent_id,
            authorities=tuple(
                AuthorityLink(authority_id=link.authority_id, valid_from=link.valid_from, valid_until=link.valid_until)
                for link in linked.get(row.id, ())
            ),
            stages=tuple(Stage(each) for each in row.stages),
            schooling=domain.schooling_on(dated[row.id], today) if row.id in dated else None,
            valid_from=row.valid_from,
            valid_until=row.valid_until,
        )
        for row in rows
    }
