"""Schools and campuses as other areas need them, and who decides for them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, case, select

from chassis.rows import among, listed
from chassis.transaction import Tx
from contracts.values import OrganisationKind, Schooling, Stage
from registry.organisation import domain
from registry.organisation.errors import SchoolNotOpen
from registry.organisation.models import AuthorityLinkRow, OrganisationRow, SchoolingRow
from registry.organisation.queries.sight import holds_on

Org = OrganisationRow
_CENTRE = Org.__table__.alias("centre")
_SCHOOLS = (
    select(Org, _CENTRE.c.school_number.label("centre_number"), _CENTRE.c.stages.label("centre_stages"))
    .outerjoin(_CENTRE, and_(_CENTRE.c.id == Org.parent_id, Org.kind == OrganisationKind.CAMPUS.value))
    .where(Org.kind.in_([OrganisationKind.SCHOOL.value, OrganisationKind.CAMPUS.value]))
)
_SCHOOLS_BY_ID = _SCHOOLS.where(listed(Org.id, "wanted"))
_SCHOOLS_BY_CODE = _SCHOOLS.where(listed(Org.code, "wanted"))
_SCHOOLINGS = select(SchoolingRow.school_id, SchoolingRow.valid_from, SchoolingRow.schooling).where(
    listed(SchoolingRow.school_id, "schools")
)


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

    def require_open(self, on: date) -> None:
        """Raise SchoolNotOpen unless it is open on that day."""
        if not self.exists(on):
            raise SchoolNotOpen(self.name, self.valid_from, self.valid_until, on)


async def authority_of(tx: Tx, school_ids: Iterable[UUID], on: date) -> dict[UUID, UUID | None]:
    """The 主管单位 of each school on that day, of any level; a campus has its school's; None where none is known."""
    wanted = list(school_ids)
    centre = case((Org.kind == OrganisationKind.CAMPUS.value, Org.parent_id), else_=Org.id)
    rows = await tx.rows(
        select(Org.id, AuthorityLinkRow.authority_id)
        .join(AuthorityLinkRow, and_(AuthorityLinkRow.school_id == centre, holds_on(on)))
        .where(among(Org.id, wanted))
    )
    return {**dict.fromkeys(wanted), **{row.id: row.authority_id for row in rows}}


async def schools(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, School]:
    """Schools and campuses by id, their 学制 as of today; other kinds and unknown ids are missing."""
    return {school.id: school for school in await _schools(tx, _SCHOOLS_BY_ID, list(ids))}


async def schools_by_code(tx: Tx, codes: Iterable[str]) -> dict[str, School]:
    """Schools and campuses by 学校标识码; unknown codes are missing."""
    wanted = [code for code in codes if code]
    return {school.code: school for school in await _schools(tx, _SCHOOLS_BY_CODE, wanted)}


async def _schools(tx: Tx, which: Select[Any], wanted: Sequence[UUID] | Sequence[str]) -> Sequence[School]:
    rows = await tx.rows(which, {"wanted": wanted})
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
    rows = await tx.rows(_SCHOOLINGS, {"schools": list(school_ids)})
    found: dict[UUID, list[tuple[date, Schooling]]] = {}
    for row in rows:
        found.setdefault(row.school_id, []).append((row.valid_from, Schooling(row.schooling)))
    return found


async def links(tx: Tx, school_ids: Iterable[UUID]) -> dict[UUID, list[domain.Link]]:
    """Every authority link of each school, in the order of their days."""
    rows = await tx.rows(
        select(AuthorityLinkRow)
        .where(among(AuthorityLinkRow.school_id, school_ids))
        .order_by(AuthorityLinkRow.school_id, AuthorityLinkRow.valid_from)
    )
    found: dict[UUID, list[domain.Link]] = {}
    for row in rows:
        found.setdefault(row.school_id, []).append(domain.Link(row.authority_id, row.valid_from, row.valid_until))
    return found
