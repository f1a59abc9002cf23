"""Who is who in the tests of review, and what registry says of them."""

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

from sqlalchemy import text

from chassis.clock import ZONE
from chassis.identity import Actor
from chassis.transaction import Tx
from contracts.identity import AccountChanged, AuthorityLink, OrganisationChanged
from contracts.registry import CalendarChanged, Extension, Window
from contracts.values import OrganisationKind, Role, WindowKind

T = TypeVar("T")
HASH = "c" * 64
YEAR = 2026


def an_actor(organisation: UUID, role: Role, *, person: UUID | None = None) -> Actor:
    return Actor(
        account_id=uuid4(),
        person_id=person or uuid4(),
        organisation_id=organisation,
        roles=frozenset({role}),
        version=1,
        session_id=None,
    )


@dataclass(frozen=True, slots=True)
class Province:
    """安徽 > 合肥市 > 长丰县 (school, whose campus is below it) and 肥东县 (other_school).

    The junior school stands in 长丰县 and is the city's to decide.
    """

    province: UUID
    city: UUID
    county: UUID
    other_county: UUID
    school: UUID
    campus: UUID
    junior: UUID
    other_school: UUID
    admin: Actor
    city_officer: Actor
    officer: Actor
    colleague: Actor
    other_officer: Actor
    viewer: Actor
    city_viewer: Actor
    registrar: Actor
    other_registrar: Actor
    teacher: Actor


def organisation(
    kind: OrganisationKind, name: str, parent: UUID | None, *links: AuthorityLink, **rest: Any
) -> OrganisationChanged:
    return OrganisationChanged(
        kind=kind, name=name, code="3401", parent_id=parent, authorities=links, valid_from=date(2020, 9, 1), **rest
    )


def link(authority: UUID, since: date = date(2020, 9, 1), until: date | None = None) -> AuthorityLink:
    return AuthorityLink(authority_id=authority, valid_from=since, valid_until=until)


def calendar(closes: date = date(YEAR, 9, 30), *, year: int = YEAR, until: date | None = None, **days: Any) -> Any:
    """A calendar whose entry window closes on a day, with an extension `until`."""
    extension = (Extension(kind=WindowKind.ENTRY, until=until, document_number="教基〔2026〕1号"),) if until else ()
    return CalendarChanged(
        active_school_year=year,
        windows=(Window(kind=WindowKind.ENTRY, opens=date(year, 8, 1), closes=closes),),
        extensions=extension,
        **days,
    )


def account_of(actor: Actor, **changes: Any) -> AccountChanged:
    said = AccountChanged(
        person_id=actor.person_id,
        organisation_id=actor.organisation_id,
        roles=tuple(actor.roles),
        may_act=True,
        version=actor.version,
    )
    return said.model_copy(update=changes)


def at(*moment: int) -> datetime:
    """A moment in China."""
    return datetime(*moment, tzinfo=ZONE)  # type: ignore[arg-type, misc]  # numbers, as datetime takes them


async def only(tx: Tx, statement: str, **values: Any) -> Any:
    """The one value of a statement of a test."""
    return await tx.scalar(text(statement).bindparams(**values))


async def all_of(attempts: Iterable[Coroutine[Any, Any, T]], at_once: int = 16) -> list[T]:
    """What each attempt came to; so many at once as the pool has connections for, also on a slow machine."""
    places = asyncio.Semaphore(at_once)

    async def one(attempt: Coroutine[Any, Any, T]) -> T:
        async with places:
            return await attempt

    return await asyncio.gather(*map(one, attempts))
