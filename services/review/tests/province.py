"""Who is who in the tests of review, and what registry says of them."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from sqlalchemy import text

from chassis.clock import ZONE
from chassis.identity import Actor
from chassis.testing import Spoken, spoken
from chassis.transaction import Tx
from contracts import topics
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


PLACES: Mapping[str, UUID] = {
    name: uuid5(NAMESPACE_URL, f"place:{name}")
    for name in ("province", "city", "county", "other_county", "school", "campus", "junior", "other_school")
}
_POSTS = {
    "admin": ("province", Role.PROVINCE_ADMIN),
    "city_officer": ("city", Role.OFFICER),
    "officer": ("county", Role.OFFICER),
    "colleague": ("county", Role.OFFICER),
    "other_officer": ("other_county", Role.OFFICER),
    "viewer": ("county", Role.VIEWER),
    "city_viewer": ("city", Role.VIEWER),
    "registrar": ("school", Role.REGISTRAR),
    "other_registrar": ("other_school", Role.REGISTRAR),
    "teacher": ("school", Role.TEACHER),
}


def _holder(who: str) -> Actor:
    place, role = _POSTS[who]
    account, person = (uuid5(NAMESPACE_URL, f"{what}:{who}") for what in ("account", "person"))
    return Actor(account, person, PLACES[place], frozenset({role}), 1, None)


PROVINCE = Province(**PLACES, **{who: _holder(who) for who in _POSTS})  # type: ignore[arg-type]  # by name
"""The same in every test and process, so that one database that has heard of it serves as the model of all."""


def organisations_said() -> Mapping[str, OrganisationChanged]:
    """What registry says of each place."""
    kind, of = OrganisationKind, PLACES
    return {
        "province": organisation(kind.PROVINCE, "安徽省教育厅", None),
        "city": organisation(kind.CITY, "合肥市教育局", of["province"]),
        "county": organisation(kind.COUNTY, "长丰县教育局", of["city"]),
        "other_county": organisation(kind.COUNTY, "肥东县教育局", of["city"]),
        "school": organisation(kind.SCHOOL, "长丰县水湖学区中心校", of["county"], link(of["county"])),
        "campus": organisation(kind.CAMPUS, "费岗分校", of["school"]),
        "junior": organisation(kind.SCHOOL, "长丰县实验初级中学", of["county"], link(of["city"])),
        "other_school": organisation(kind.SCHOOL, "肥东县店埠小学", of["other_county"], link(of["other_county"])),
    }


def heard_of(province: Province, open_until: date) -> list[Spoken]:
    """Everything that registry says of the province, its people, and an entry window that closes on a day."""
    people = [getattr(province, who) for who in _POSTS]
    return [
        *(spoken(topics.ORGANISATION, PLACES[name], said) for name, said in organisations_said().items()),
        spoken(topics.CALENDAR, province.province, calendar(open_until)),
        *(spoken(topics.ACCOUNT, actor.account_id, account_of(actor)) for actor in people),
    ]
