from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pytest
from fastapi import APIRouter, Depends
from sqlalchemy import event

from chassis.consuming import Subscribers
from chassis.http import Actor, allow, current_actor
from chassis.identity import TokenVerifier
from chassis.identity.copies import (
    authority_of,
    calendar_of,
    create_copy_tables,
    hear_identity,
    may_see,
    organisations,
    person_of,
    reaching,
    stands,
    subtree,
)
from chassis.settings import ServiceSettings
from chassis.testing import deliver, spoken
from chassis.transaction import Database, Tx
from contracts import topics
from contracts.identity import AccountChanged, AuthorityLink, OrganisationChanged
from contracts.values import OrganisationKind, Role, WindowKind
from services.chassis.tests.conftest import DELIVERY, run_steps
from services.chassis.tests.web import (
    ACCOUNT,
    PERSON,
    an_actor,
    an_app,
    bearer,
    client_of,
    service_settings,
    write_key_file,
)

Kind = OrganisationKind


def uid(number: int) -> UUID:
    return UUID(f"01930000-0000-7000-8000-{number:012x}")


PROVINCE, CITY, COUNTY, OTHER_COUNTY, ZONE, SCHOOL, CAMPUS, ZONE_SCHOOL, OTHER_SCHOOL = map(uid, range(1, 10))
ON = date(2026, 9, 1)


def organisation(
    kind: Kind, parent: UUID | None, *links: tuple[UUID, date, date | None], name: str = "某单位"
) -> OrganisationChanged:
    return OrganisationChanged(
        kind=kind,
        name=name,
        code="",
        parent_id=parent,
        authorities=tuple(
            AuthorityLink(authority_id=to, valid_from=since, valid_until=end) for to, since, end in links
        ),
        valid_from=date(2020, 9, 1),
    )


SINCE = date(2020, 9, 1)
TREE = {
    PROVINCE: organisation(Kind.PROVINCE, None),
    CITY: organisation(Kind.CITY, PROVINCE),
    COUNTY: organisation(Kind.COUNTY, CITY),
    OTHER_COUNTY: organisation(Kind.COUNTY, CITY),
    ZONE: organisation(Kind.ZONE, CITY),
    SCHOOL: organisation(Kind.SCHOOL, COUNTY, (COUNTY, SINCE, None)),
    CAMPUS: organisation(Kind.CAMPUS, SCHOOL),
    # It stands in the county and is managed by the zone until the end of 2026, then by the county.
    ZONE_SCHOOL: organisation(Kind.SCHOOL, COUNTY, (ZONE, SINCE, date(2027, 1, 1)), (COUNTY, date(2027, 1, 1), None)),
    OTHER_SCHOOL: organisation(Kind.SCHOOL, OTHER_COUNTY, (OTHER_COUNTY, SINCE, None)),
}


async def migrate(dsn: str) -> None:
    await run_steps(dsn, *DELIVERY, create_copy_tables)


@pytest.fixture
def copy_settings(template_database: Callable[..., str], tmp_path: Path) -> ServiceSettings:
    return service_settings(template_database("chassis-copies", migrate), write_key_file(tmp_path))


@pytest.fixture
async def db(copy_settings: ServiceSettings) -> AsyncIterator[Database]:
    opened = Database(copy_settings)
    yield opened
    await opened.close()


@pytest.fixture
def ears() -> Subscribers:
    found = Subscribers("review")
    hear_identity(found)
    return found


@pytest.fixture
async def tree(db: Database, ears: Subscribers) -> None:
    # Children first: nothing says that parents come before them.
    said = [spoken(topics.ORGANISATION, place, state) for place, state in reversed(TREE.items())]
    assert set(await deliver(db, ears, said)) == {"applied"}


async def reached(db: Database, root: UUID, on: date = ON) -> frozenset[UUID]:
    async with db.snapshot() as tx:
        return await subtree(tx, root, on)


async def sees(db: Database, where: UUID, asked: UUID) -> bool:
    async with db.snapshot() as tx:
        return await may_see(tx, an_actor(Role.OFFICER, organisation=where), asked)


@pytest.mark.usefixtures("tree")
async def test_an_organisation_reaches_itself_what_is_below_and_the_schools_it_manages(db: Database) -> None:
    assert await reached(db, PROVINCE) == frozenset(TREE)
    assert await reached(db, COUNTY) == {COUNTY, SCHOOL, CAMPUS, ZONE_SCHOOL}
    assert await reached(db, ZONE) == {ZONE, ZONE_SCHOOL}
    assert await reached(db, SCHOOL) == {SCHOOL, CAMPUS}
    assert await reached(db, CAMPUS) == {CAMPUS}
    for place in TREE:
        async with db.snapshot() as tx:
            above = {each.id for each in await reaching(tx, place, ON)}
        assert above == {root for root in TREE if place in await reached(db, root)}, place


@pytest.mark.usefixtures("tree")
async def test_a_link_holds_until_the_day_on_which_it_does_not_any_more(db: Database) -> None:
    assert ZONE_SCHOOL in await reached(db, ZONE, date(2026, 12, 31))
    assert ZONE_SCHOOL not in await reached(db, ZONE, date(2027, 1, 1))
    assert ZONE_SCHOOL not in await reached(db, ZONE, date(2020, 8, 31))
    async with db.snapshot() as tx:
        schools = [SCHOOL, CAMPUS, ZONE_SCHOOL, uid(99)]
        assert await authority_of(tx, schools, date(2026, 12, 31)) == {
            SCHOOL: COUNTY,
            CAMPUS: COUNTY,
            ZONE_SCHOOL: ZONE,
        }
        assert (await authority_of(tx, [ZONE_SCHOOL], date(2027, 1, 1))) == {ZONE_SCHOOL: COUNTY}
        assert await authority_of(tx, [SCHOOL], date(2020, 8, 31)) == {}


@pytest.mark.usefixtures("tree")
async def test_what_may_be_seen_is_what_is_reached(db: Database) -> None:
    for root in TREE:
        today = await reached(db, root)
        for asked in TREE:
            assert await sees(db, root, asked) is (asked in today), (root, asked)
    assert not await sees(db, PROVINCE, uid(99))
    assert await sees(db, uid(99), uid(99))


async def test_a_missing_ancestor_means_no(db: Database, ears: Subscribers) -> None:
    without_county = [spoken(topics.ORGANISATION, place, state) for place, state in TREE.items() if place != COUNTY]
    await deliver(db, ears, without_county)
    assert await reached(db, CITY) == {CITY, OTHER_COUNTY, ZONE, OTHER_SCHOOL}
    assert not await sees(db, PROVINCE, SCHOOL)
    assert await reached(db, COUNTY) == {COUNTY, SCHOOL, CAMPUS}  # by the link, not by the tree
    await deliver(db, ears, [spoken(topics.ORGANISATION, COUNTY, TREE[COUNTY])])
    assert await sees(db, PROVINCE, CAMPUS)


@pytest.mark.usefixtures("tree")
async def test_a_school_that_moves_is_seen_from_where_it_is_now(db: Database, ears: Subscribers) -> None:
    moved = organisation(Kind.SCHOOL, OTHER_COUNTY, (COUNTY, SINCE, ON), (OTHER_COUNTY, ON, None))
    await deliver(db, ears, [spoken(topics.ORGANISATION, SCHOOL, moved, version=2)])
    assert await reached(db, COUNTY) == {COUNTY, ZONE_SCHOOL}
    assert await reached(db, OTHER_COUNTY) == {OTHER_COUNTY, OTHER_SCHOOL, SCHOOL, CAMPUS}
    # An older state that comes late changes nothing.
    assert await deliver(db, ears, [spoken(topics.ORGANISATION, SCHOOL, TREE[SCHOOL], version=1)]) == ["seen"]
    assert SCHOOL in await reached(db, OTHER_COUNTY)


@pytest.mark.usefixtures("tree")
async def test_an_organisation_that_has_ended_is_gone(db: Database, ears: Subscribers) -> None:
    await deliver(db, ears, [spoken(topics.ORGANISATION, SCHOOL, None, version=2)])
    assert await reached(db, COUNTY) == {COUNTY, ZONE_SCHOOL}
    async with db.snapshot() as tx:
        assert set(await organisations(tx, [SCHOOL, COUNTY])) == {COUNTY}


async def test_organisations_are_read_in_sets(db: Database, ears: Subscribers) -> None:
    await deliver(db, ears, [spoken(topics.ORGANISATION, SCHOOL, organisation(Kind.SCHOOL, COUNTY, name="水湖小学"))])
    async with db.snapshot() as tx:
        found = await organisations(tx, [SCHOOL, uid(99)])
    assert (found[SCHOOL].kind, found[SCHOOL].name, found[SCHOOL].parent_id) == (Kind.SCHOOL, "水湖小学", COUNTY)
    assert set(found) == {SCHOOL}


@pytest.mark.usefixtures("tree")
async def test_every_answer_is_one_statement(
    db: Database, statements: Callable[[Tx], AbstractContextManager[list[str]]]
) -> None:
    many = [uid(number) for number in range(1000)]
    async with db.snapshot() as tx:
        with statements(tx) as count:
            await subtree(tx, PROVINCE, ON)
            await authority_of(tx, many, ON)
            await organisations(tx, many)
            await person_of(tx, many)
            await calendar_of(tx, SCHOOL)
            await may_see(tx, an_actor(organisation=CITY), CAMPUS)
    assert len(count) == 6


@pytest.fixture
def statements() -> Callable[[Tx], AbstractContextManager[list[str]]]:
    from contextlib import contextmanager

    @contextmanager
    def counting(tx: Tx) -> Any:
        seen: list[str] = []
        connection = tx.connection.sync_connection
        assert connection is not None

        def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            seen.append(statement)

        event.listen(connection, "before_cursor_execute", note)
        yield seen
        event.remove(connection, "before_cursor_execute", note)

    return counting


def calendar(year: int, *, holidays: tuple[date, ...] = ()) -> Any:
    (changed,) = topics.CALENDAR.events
    return changed.model_validate(
        {
            "active_school_year": year,
            "windows": [{"kind": "entry", "opens": f"{year}-08-01", "closes": f"{year}-09-30"}],
            "extensions": [{"kind": "entry", "until": f"{year}-10-20", "document_number": "皖教〔2026〕1号"}],
            "holidays": holidays,
            "working_weekends": [date(2026, 10, 10)],
        }
    )


@pytest.mark.usefixtures("tree")
async def test_the_nearest_calendar_above_holds(db: Database, ears: Subscribers) -> None:
    async with db.snapshot() as tx:
        assert await calendar_of(tx, SCHOOL) is None
    holidays = tuple(date(2026, 10, day) for day in range(1, 8))
    said = [
        spoken(topics.CALENDAR, PROVINCE, calendar(2025)),
        spoken(topics.CALENDAR, COUNTY, calendar(2026, holidays=holidays)),
    ]
    await deliver(db, ears, said)
    async with db.snapshot() as tx:
        here, there = await calendar_of(tx, CAMPUS), await calendar_of(tx, OTHER_SCHOOL)
    assert here is not None
    assert there is not None
    assert (here.active_school_year, there.active_school_year) == (2026, 2025)
    assert (here.windows[WindowKind.ENTRY].closes, here.closes(WindowKind.ENTRY)) == (
        date(2026, 9, 30),
        date(2026, 10, 20),
    )
    # Wednesday 30 September + 3: Thursday 8, Friday 9, the worked Saturday 10 October.
    assert here.after_working_days(date(2026, 9, 30), 3) == date(2026, 10, 10)


def account(version: int = 1, *, may_act: bool = True) -> AccountChanged:
    return AccountChanged(
        person_id=PERSON, organisation_id=COUNTY, roles=(Role.OFFICER,), may_act=may_act, version=version
    )


router = APIRouter(dependencies=[allow(Role.OFFICER)])


@router.get("/me")
async def me(actor: Annotated[Actor, Depends(current_actor)]) -> int:
    return actor.version


@pytest.fixture
async def web(db: Database, copy_settings: ServiceSettings) -> AsyncIterator[Any]:
    app = an_app(router, settings=copy_settings)
    app.state.verifier = TokenVerifier(copy_settings)
    app.state.stands = stands(db)
    async with client_of(app) as client:
        yield client


async def test_a_newer_state_of_the_account_ends_its_tokens_within_the_request(
    web: Any, db: Database, ears: Subscribers, copy_settings: ServiceSettings
) -> None:
    def token(version: int) -> dict[str, str]:
        return bearer(copy_settings, an_actor(Role.OFFICER, version=version))

    assert (await web.get("/me", headers=token(1))).status_code == 200  # not heard of yet
    await deliver(db, ears, [spoken(topics.ACCOUNT, ACCOUNT, account(1))])
    assert (await web.get("/me", headers=token(1))).status_code == 200
    # Spoken again by a repair: a newer record of the same account's version.
    await deliver(db, ears, [spoken(topics.ACCOUNT, ACCOUNT, account(1), version=2)])
    assert (await web.get("/me", headers=token(1))).status_code == 200
    await deliver(db, ears, [spoken(topics.ACCOUNT, ACCOUNT, account(2), version=3)])
    old = await web.get("/me", headers=token(1))
    assert (old.status_code, old.json()["code"]) == (401, "token-expired")
    assert (await web.get("/me", headers=token(2))).json() == 2


async def test_a_disabled_account_is_out(
    web: Any, db: Database, ears: Subscribers, copy_settings: ServiceSettings
) -> None:
    await deliver(db, ears, [spoken(topics.ACCOUNT, ACCOUNT, account(2, may_act=False))])
    headers = bearer(copy_settings, an_actor(Role.OFFICER, version=2))
    assert (await web.get("/me", headers=headers)).status_code == 401
    async with db.snapshot() as tx:
        assert await person_of(tx, [ACCOUNT, uid(99)]) == {ACCOUNT: PERSON}


async def test_an_account_that_has_ended_is_out_and_its_person_stays_known(
    web: Any, db: Database, ears: Subscribers, copy_settings: ServiceSettings
) -> None:
    await deliver(db, ears, [spoken(topics.ACCOUNT, ACCOUNT, account(1))])
    await deliver(db, ears, [spoken(topics.ACCOUNT, ACCOUNT, None, version=2)])
    headers = bearer(copy_settings, an_actor(Role.OFFICER, version=1))
    assert (await web.get("/me", headers=headers)).status_code == 401
    async with db.snapshot() as tx:
        assert await person_of(tx, [ACCOUNT]) == {ACCOUNT: PERSON}
