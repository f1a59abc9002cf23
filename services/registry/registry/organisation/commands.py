"""Every way in which the tree of organisations can change."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from chassis.transaction import Tx
from contracts import topics
from contracts.refusal import NotFound
from contracts.values import AUTHORITY_KINDS, OrganisationKind, Schooling, Stage
from registry.organisation import domain, queries
from registry.organisation.errors import (
    AuthorityNotAuthority,
    ChangedMeanwhile,
    CodeTaken,
    EndsBeforeItBegins,
    NotASchool,
    SchoolingInThePast,
    StillInUse,
)
from registry.organisation.models import AuthorityLinkRow, OrganisationRow, SchoolingRow, SchoolNumberPoolRow

CONTACT_FIELDS = frozenset({"address", "phone", "postal_code", "email", "english_name"})
"""What a school may correct of itself; everything else is the province's. Source: art. 6, art. 9."""


@dataclass(frozen=True, slots=True)
class NewOrganisation:
    """What the province says of an organisation that it creates. Source: art. 6, art. 8, art. 9."""

    kind: OrganisationKind
    name: str
    code: str
    parent_id: UUID | None
    region_code: str
    address: str = ""
    phone: str = ""
    area_type: str | None = None
    economy_type: str | None = None
    ethnic_type: str | None = None
    ownership: str | None = None
    setting: str | None = None
    category: str | None = None
    stages: tuple[Stage, ...] = ()
    schooling: Schooling | None = None
    school_number: str | None = None
    authority_id: UUID | None = None
    """主管单位 of a school; its parent when nothing is said."""
    postal_code: str | None = None
    email: str | None = None
    english_name: str | None = None
    valid_from: date | None = None

    def coded(self) -> Mapping[str, str | None]:
        """Field → value, for the fields that code sets govern."""
        return {field: getattr(self, field) for field in domain.CODE_SETS}


def _who(tx: Tx) -> UUID | None:
    return tx.actor.account_id if tx.actor else None


async def create(tx: Tx, new: NewOrganisation) -> UUID:
    """The id of a new authority, school or campus.

    A school gets the next three-digit number of its county unless one is given, its stages from 学校类别, and its
    主管单位 from the day it begins. Raises WrongParent, WrongCode, WrongSchoolType, UnknownCode, CategoryMissing,
    WrongStages, CodeTaken, AuthorityNotAuthority, NotFound for an unknown parent. Source: art. 6 to art. 9.
    """
    parent = await _lock(tx, new.parent_id) if new.parent_id else None
    domain.check_place(new.kind, OrganisationKind(parent.kind) if parent else None)
    domain.check_code(new.kind, new.code)
    domain.check_coded(new.coded())
    region_code = domain.region(new.region_code)
    organisation_id, begins = tx.new_id(), new.valid_from or tx.now.date()
    is_school = new.kind is OrganisationKind.SCHOOL
    below_authority = new.kind not in AUTHORITY_KINDS
    stages = domain.stages(new.category or "", new.stages) if is_school else ()
    if is_school:
        domain.check_category(new.code, new.category or "")
    county_code = region_code[:6] if below_authority else None
    row: dict[str, Any] = {
        "id": organisation_id,
        "kind": new.kind.value,
        "name": new.name,
        "code": new.code,
        "parent_id": new.parent_id,
        "path": [*(parent.path if parent else ()), organisation_id],
        "region_code": region_code,
        "address": new.address,
        "phone": new.phone,
        **new.coded(),
        "school_number": await _school_number(tx, region_code[:6], new.school_number) if is_school else None,
        "county_code": county_code,
        "stages": [stage.value for stage in stages],
        "postal_code": new.postal_code,
        "email": new.email,
        "english_name": new.english_name,
        "valid_from": begins,
        "valid_until": None,
        "version": 1,
        "created_by": _who(tx),
        "created_at": tx.now,
    }
    if new.code and await tx.scalar(select(OrganisationRow.id).where(OrganisationRow.code == new.code)):
        raise CodeTaken("代码", new.code)
    made = insert(OrganisationRow).values(**row).on_conflict_do_nothing().returning(OrganisationRow.id)
    if await tx.scalar(made) is None:
        raise CodeTaken("代码", new.code)
    if is_school:
        schooling = {"school_id": organisation_id, "valid_from": begins, "set_by": _who(tx), "set_at": tx.now}
        await tx.insert(SchoolingRow, [{**schooling, "schooling": (new.schooling or Schooling.SIX_THREE).value}])
        await _link(tx, organisation_id, new.authority_id or row["parent_id"], begins)
    tx.touch(topics.ORGANISATION, [organisation_id])
    tx.note("organisation.create", [("organisation", organisation_id)], organisation=organisation_id)
    return organisation_id


async def edit(tx: Tx, organisation_id: UUID, changes: Mapping[str, Any], version: int) -> None:
    """The organisation with other contents: every field of arts 8 and 9 but its kind, codes, parent and 主管单位.

    `valid_until` ends it. Raises ChangedMeanwhile unless `version` is the one that is stored, UnknownCode,
    WrongStages, WrongCode, WrongSchoolType, EndsBeforeItBegins, StillInUse.
    """
    row = await _lock(tx, organisation_id)
    if row.version != version:
        raise ChangedMeanwhile("单位信息")
    stored = dict(changes)
    domain.check_coded(stored)
    if "region_code" in stored:
        stored["region_code"] = domain.region(stored["region_code"])
    if "stages" in stored or "category" in stored:
        if row.kind != OrganisationKind.SCHOOL:
            raise NotASchool
        wanted = [Stage(each) for each in stored.get("stages", row.stages)]
        category = stored.get("category") or row.category
        domain.check_category(row.code, category)
        stored["stages"] = [stage.value for stage in domain.stages(category, wanted)]
    until = stored.get("valid_until")
    if until is not None and until < row.valid_from:
        raise EndsBeforeItBegins(row.valid_from)
    if until is not None and await _has_living_children(tx, organisation_id, until):
        raise StillInUse(row.name)
    await tx.execute(
        update(OrganisationRow).where(OrganisationRow.id == organisation_id).values(version=version + 1, **stored)
    )
    tx.touch(topics.ORGANISATION, [organisation_id])
    tx.note(
        "organisation.edit",
        [("organisation", organisation_id)],
        organisation=organisation_id,
        detail={"fields": sorted(changes)},
    )


async def hand_over(tx: Tx, school_id: UUID, authority_id: UUID, since: date) -> None:
    """The school gets another 主管单位, of any level, from `since` on.

    Raises NotASchool, AuthorityNotAuthority, LinkInThePast, NotFound.
    """
    await _lock_school(tx, school_id)
    await _link(tx, school_id, authority_id, since)
    tx.touch(topics.ORGANISATION, [school_id])
    tx.note(
        "organisation.hand-over",
        [("organisation", school_id), ("organisation", authority_id)],
        organisation=school_id,
        detail={"from": since.isoformat()},
    )


async def set_schooling(tx: Tx, school_id: UUID, schooling: Schooling, since: date) -> None:
    """The school has another 学制 from `since` on. Raises NotASchool, SchoolingInThePast."""
    await _lock_school(tx, school_id)
    if since < tx.now.date():
        raise SchoolingInThePast(tx.now.date())
    row = {
        "school_id": school_id,
        "valid_from": since,
        "schooling": schooling.value,
        "set_by": _who(tx),
        "set_at": tx.now,
    }
    await tx.upsert(SchoolingRow, [row], key=["school_id", "valid_from"])
    tx.touch(topics.ORGANISATION, [school_id])
    tx.note(
        "organisation.set-schooling",
        [("organisation", school_id)],
        organisation=school_id,
        detail={"schooling": schooling.value, "from": since.isoformat()},
    )


async def _link(tx: Tx, school_id: UUID, authority_id: UUID, since: date) -> None:
    authority = (await queries.places(tx, [authority_id])).get(authority_id)
    if authority is None:
        raise AuthorityNotAuthority
    before = (await queries.links(tx, [school_id])).get(school_id, [])
    after = domain.relink(before, authority.kind, authority_id, since, tx.now.date())
    gone = [link.valid_from for link in before if link.valid_from not in {kept.valid_from for kept in after}]
    if gone:
        await tx.execute(
            delete(AuthorityLinkRow).where(
                AuthorityLinkRow.school_id == school_id, AuthorityLinkRow.valid_from.in_(gone)
            )
        )
    rows = [
        {
            "school_id": school_id,
            "valid_from": link.valid_from,
            "valid_until": link.valid_until,
            "authority_id": link.authority_id,
            "set_by": _who(tx),
            "set_at": tx.now,
        }
        for link in after
        if link not in before
    ]
    await tx.upsert(AuthorityLinkRow, rows, key=["school_id", "valid_from"])


async def _school_number(tx: Tx, county_code: str, given: str | None) -> str:
    """Three digits, the county's next or the given ones; the pool's row is locked by taking it."""
    if given is not None:
        number = domain.school_number(int(given) if given.isascii() and given.isdigit() and len(given) == 3 else 0)
        taken = select(OrganisationRow.id).where(
            OrganisationRow.county_code == county_code, OrganisationRow.school_number == number
        )
        if await tx.scalar(taken):
            raise CodeTaken("学校编码", county_code + number)
        first = insert(SchoolNumberPoolRow).values(county_code=county_code, last=int(number))
        raised = {"last": func.greatest(SchoolNumberPoolRow.last, int(number))}
        await tx.execute(first.on_conflict_do_update(index_elements=["county_code"], set_=raised))
        return number
    first = insert(SchoolNumberPoolRow).values(county_code=county_code, last=1)
    taking = first.on_conflict_do_update(index_elements=["county_code"], set_={"last": SchoolNumberPoolRow.last + 1})
    return domain.school_number(int(await tx.scalar(taking.returning(SchoolNumberPoolRow.last))))


async def _has_living_children(tx: Tx, organisation_id: UUID, on: date) -> bool:
    child = select(OrganisationRow.id).where(
        OrganisationRow.parent_id == organisation_id,
        (OrganisationRow.valid_until.is_(None)) | (OrganisationRow.valid_until > on),
    )
    return await tx.scalar(child.limit(1)) is not None


async def _lock(tx: Tx, organisation_id: UUID) -> Row[Any]:
    row = await tx.row(select(OrganisationRow).where(OrganisationRow.id == organisation_id).with_for_update())
    if row is None:
        raise NotFound("单位")
    return row


async def _lock_school(tx: Tx, school_id: UUID) -> Row[Any]:
    row = await _lock(tx, school_id)
    if row.kind != OrganisationKind.SCHOOL:
        raise NotASchool
    return row
