"""Organisations as pages of the portal show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from chassis.transaction import Tx
from contracts import codes
from contracts.refusal import NotFound
from contracts.values import OrganisationKind
from registry.organisation import domain
from registry.organisation.models import AuthorityLinkRow, OrganisationRow
from registry.organisation.queries.schools import links, schoolings
from registry.organisation.queries.sight import Place, holds_on, places, within

Org = OrganisationRow


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which organisations a list asks for."""

    parent: UUID | None = None
    kind: OrganisationKind | None = None
    authority: UUID | None = None
    """Schools whose 主管单位 it is today."""
    words: str = ""
    """Part of a name, or the beginning of a code."""


async def page(tx: Tx, reach: UUID, wanted: Wanted, offset: int, limit: int) -> tuple[list[dict[str, Any]], int]:
    """Of what the organisation `reach` reaches: those wanted, by code and name, and how many there are."""
    today = tx.now.date()
    where: list[ColumnElement[bool]] = [Org.id.in_(within(reach, today))]
    if wanted.parent is not None:
        where.append(Org.parent_id == wanted.parent)
    if wanted.kind is not None:
        where.append(Org.kind == wanted.kind.value)
    if wanted.authority is not None:
        linked = select(AuthorityLinkRow.school_id).where(
            AuthorityLinkRow.authority_id == wanted.authority, holds_on(today)
        )
        where.append(Org.id.in_(linked))
    if wanted.words:
        where.append(
            or_(Org.name.contains(wanted.words, autoescape=True), Org.code.startswith(wanted.words, autoescape=True))
        )
    total = await tx.scalar(select(func.count()).select_from(Org).where(and_(*where)))
    rows = await tx.rows(
        select(Org)
        .where(and_(*where))
        .order_by(func.nullif(Org.code, "").nulls_last(), Org.name, Org.id)
        .offset(offset)
        .limit(limit)
    )
    return await _dressed(tx, rows, today), int(total)


async def detail(tx: Tx, organisation_id: UUID) -> dict[str, Any]:
    """One organisation with the history of its 主管单位 and 学制. Raises NotFound."""
    rows = await tx.rows(select(Org).where(Org.id == organisation_id))
    if not rows:
        raise NotFound("单位")
    (dressed,) = await _dressed(tx, rows, tx.now.date())
    linked = (await links(tx, [organisation_id])).get(organisation_id, [])
    names = await places(tx, [link.authority_id for link in linked])
    return {
        **dressed,
        "authorities": [
            {
                "authority_id": link.authority_id,
                "authority_name": names[link.authority_id].name,
                "valid_from": link.valid_from,
                "valid_until": link.valid_until,
            }
            for link in linked
        ],
        "schoolings": [
            {"valid_from": since, "schooling": schooling}
            for since, schooling in sorted((await schoolings(tx, [organisation_id])).get(organisation_id, []))
        ],
    }


def _name(places: Mapping[UUID, Place], organisation_id: UUID | None) -> str | None:
    return None if organisation_id is None else places[organisation_id].name


async def _dressed(tx: Tx, rows: Sequence[Row[Any]], today: date) -> list[dict[str, Any]]:
    """Rows with the names around them, today's 主管单位 and 学制: four statements, however many."""
    ids = [row.id for row in rows]
    linked = await links(tx, ids)
    dated = await schoolings(tx, ids)
    deciding = {each: domain.holding(found, today) for each, found in linked.items()}
    around = {row.parent_id for row in rows} | set(deciding.values())
    names = await places(tx, [each for each in around if each is not None])
    return [
        {
            **row._asdict(),
            "parent_name": _name(names, row.parent_id),
            "region_name": codes.region_name(row.region_code),
            "school_code": row.county_code + row.school_number if row.school_number else None,
            "schooling": domain.schooling_on(dated[row.id], today) if row.id in dated else None,
            "authority_id": deciding.get(row.id),
            "authority_name": _name(names, deciding.get(row.id)),
        }
        for row in rows
    ]
