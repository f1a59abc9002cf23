"""What the copies can tell. Nothing here changes anything; every answer is one statement."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, select, text

from chassis.identity.actor import Actor
from chassis.identity.copies.tables import ACCOUNTS, ORGANISATIONS
from chassis.rows import among
from chassis.transaction import Tx
from contracts.values import OrganisationKind

_SUBTREE: Final = text("""
WITH RECURSIVE below AS (
    SELECT id FROM organisation_copy WHERE id = :root
    UNION
    SELECT child.id FROM organisation_copy child JOIN below ON child.parent_id = below.id
), linked AS (
    SELECT school_id FROM authority_link_copy
    WHERE authority_id = :root AND valid_from <= :on AND (valid_until IS NULL OR valid_until > :on)
), reached AS (
    SELECT id FROM below
    UNION
    SELECT id FROM organisation_copy WHERE id IN (SELECT school_id FROM linked)
    UNION
    SELECT id FROM organisation_copy WHERE parent_id IN (SELECT school_id FROM linked)
)
SELECT id FROM reached
""")
"""Itself and what is below it, and the schools, with their campuses, whose 主管单位 it is on the day."""
_MAY_SEE: Final = text("""
WITH RECURSIVE above AS (
    SELECT id, parent_id, kind FROM organisation_copy WHERE id = :asked
    UNION
    SELECT parent.id, parent.parent_id, parent.kind
    FROM organisation_copy parent JOIN above ON parent.id = above.parent_id
)
SELECT EXISTS (SELECT FROM above WHERE id = :root) OR EXISTS (
    SELECT FROM organisation_copy asked
    JOIN authority_link_copy link
        ON link.school_id = asked.id OR (asked.kind = 'campus' AND link.school_id = asked.parent_id)
    WHERE asked.id = :asked AND link.authority_id = :root
      AND link.valid_from <= :on AND (link.valid_until IS NULL OR link.valid_until > :on)
)
""")
_REACHING: Final = text("""
WITH RECURSIVE above AS (
    SELECT id, parent_id FROM organisation_copy WHERE id = :asked
    UNION
    SELECT parent.id, parent.parent_id FROM organisation_copy parent JOIN above ON parent.id = above.parent_id
)
SELECT id, kind, name, code, parent_id FROM organisation_copy
WHERE id IN (SELECT id FROM above) OR id IN (
    SELECT link.authority_id FROM authority_link_copy link JOIN above ON link.school_id = above.id
    WHERE link.valid_from <= :on AND (link.valid_until IS NULL OR link.valid_until > :on)
)
ORDER BY code, id
""")
"""Itself, what is above it, and its 主管单位 on the day; a campus has its school's."""
_AUTHORITY: Final = text("""
SELECT asked.id, link.authority_id
FROM unnest(CAST(:schools AS uuid[])) AS asked (id)
LEFT JOIN organisation_copy place ON place.id = asked.id
JOIN authority_link_copy link
    ON link.school_id = CASE WHEN place.kind = 'campus' THEN place.parent_id ELSE asked.id END
WHERE link.valid_from <= :on AND (link.valid_until IS NULL OR link.valid_until > :on)
""")


@dataclass(frozen=True, slots=True)
class OrganisationCopy:
    """An organisation as this service has heard of it."""

    id: UUID
    kind: OrganisationKind
    name: str
    code: str
    parent_id: UUID | None


async def may_see(tx: Tx, actor: Actor, organisation_id: UUID) -> bool:
    """Whether the actor's organisation is the other, an ancestor of it, or its 主管单位 today."""
    if actor.organisation_id == organisation_id:
        return True
    asked = {"asked": organisation_id, "root": actor.organisation_id, "on": tx.now.date()}
    return bool(await tx.scalar(_MAY_SEE, asked))


async def subtree(tx: Tx, organisation_id: UUID, on: date) -> frozenset[UUID]:
    """What an organisation reaches on a day: itself, what is below it, schools whose 主管单位 it is, their campuses.

    An organisation that is not known reaches itself alone.
    """
    rows = await tx.rows(_SUBTREE, {"root": organisation_id, "on": on})
    return frozenset({organisation_id, *(row.id for row in rows)})


async def reaching(tx: Tx, organisation_id: UUID, on: date) -> Sequence[OrganisationCopy]:
    """Who has the organisation in its `subtree` on a day, by code: itself, what is above it, its 主管单位."""
    rows = await tx.rows(_REACHING, {"asked": organisation_id, "on": on})
    return [_copy(row) for row in rows]


async def authority_of(tx: Tx, school_ids: Collection[UUID], on: date) -> Mapping[UUID, UUID]:
    """School → its 主管单位 on a day; a campus has its school's. Missing: none is known."""
    rows = await tx.rows(_AUTHORITY, {"schools": list(school_ids), "on": on})
    return {row.id: row.authority_id for row in rows}


async def organisations(tx: Tx, ids: Collection[UUID]) -> Mapping[UUID, OrganisationCopy]:
    """The organisations; those not known are missing."""
    table = ORGANISATIONS.c
    rows = await tx.rows(
        select(table.id, table.kind, table.name, table.code, table.parent_id).where(among(table.id, ids))
    )
    return {row.id: _copy(row) for row in rows}


async def organisations_of(tx: Tx, kinds: Collection[OrganisationKind]) -> Sequence[OrganisationCopy]:
    """All organisations of the kinds, by code."""
    table = ORGANISATIONS.c
    rows = await tx.rows(
        select(table.id, table.kind, table.name, table.code, table.parent_id)
        .where(table.kind.in_([kind.value for kind in kinds]))
        .order_by(table.code)
    )
    return [_copy(row) for row in rows]


async def person_of(tx: Tx, account_ids: Collection[UUID]) -> Mapping[UUID, UUID]:
    """Account → its person; accounts not known are missing."""
    rows = await tx.rows(select(ACCOUNTS.c.id, ACCOUNTS.c.person_id).where(among(ACCOUNTS.c.id, account_ids)))
    return {row.id: row.person_id for row in rows}


def _copy(row: Row[Any]) -> OrganisationCopy:
    return OrganisationCopy(row.id, OrganisationKind(row.kind), row.name, row.code, row.parent_id)
