"""Who asks for what of a school: every route, every role, in every relation to it, against a table written by hand."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import httpx2
import pytest

from chassis.identity import Actor, TokenIssuer
from contracts.values import Role
from local_stack.keys import write_keyrings
from sample.clients import Person, Services, sign_in
from tests.chaos import acting
from tests.chaos.check import quiesce
from tests.chaos.matrix.asks import Ask
from tests.chaos.matrix.changing import changing
from tests.chaos.matrix.reading import reads
from tests.chaos.matrix.rules import MAY, PEOPLE, WITHOUT_A_TOKEN
from tests.chaos.matrix.trying import Trying
from tests.chaos.matrix.world import SEATS, World, found
from tests.harness.eventually import eventually
from tests.harness.whole import WholeStack

TRIES: Final = int(os.environ.get("CHAOS_STRANGERS", "4"))
"""Requests of each stranger with nearly right bodies, on each route that changes something."""
_SERVICES: Final = ("registry", "review", "photo", "sync")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
async def world(sample_county: WholeStack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """The school and everybody who asks, at rest."""
    async with Services(sample_county.urls) as services:
        made = await found(sample_county, services, tmp_path_factory.mktemp("matrix"))
        await quiesce(sample_county.about(), within=60)  # a late answer of the nation is nobody's doing
        yield made


@pytest.fixture
async def trying(sample_county: WholeStack, world: World) -> AsyncIterator[Trying]:
    """Asks, and has counted nothing yet."""
    limits = httpx2.Limits(max_connections=16)
    async with httpx2.AsyncClient(trust_env=False, timeout=60, limits=limits) as client:
        yield Trying(client, sample_county.urls, world)


def _noted(request: pytest.FixtureRequest, asked: int) -> None:
    """What was asked goes to the page of a run."""
    request.applymarker(pytest.mark.part("Asked by every role in every relation to a school", asked))


def _must_not(asks: list[Ask]) -> list[tuple[str, Ask]]:
    return [(who, ask) for ask in asks for who in PEOPLE if who not in MAY[ask.row]]


def _may(asks: list[Ask]) -> list[tuple[str, Ask]]:
    return [(who, ask) for ask in asks for who in PEOPLE if who in MAY[ask.row]]


async def test_the_matrix_has_every_route_and_every_role(world: World, trying: Trying) -> None:
    routes = set()
    for service in _SERVICES:
        described = (await trying.client.get(f"{trying.urls[service]}/openapi.json")).json()["paths"]
        routes |= {f"{service} {method.upper()} {path}" for path, about in described.items() for method in about}
    asks = [*reads(world), *changing(world)]
    assert routes - {each.route for each in asks} == WITHOUT_A_TOKEN
    assert {each.route for each in asks} <= routes
    assert {each.row for each in asks} == {*MAY}
    assert tuple(SEATS) == PEOPLE
    assert {role for _, role in SEATS.values()} == {each.value for each in Role}


def test_a_viewer_changes_nothing_anywhere(world: World) -> None:
    rows = {each.row for each in changing(world) if each.kind in ("change", "receipt")}
    assert [(row, who) for row in rows for who in MAY[row] if who.endswith(".viewer")] == []


async def test_everybody_reads_what_she_may_and_nobody_else(
    request: pytest.FixtureRequest, world: World, trying: Trying
) -> None:
    asks = reads(world)
    assert await trying.all_of(_must_not(asks), trying.leak) == []
    assert await trying.all_of(_may(asks), trying.wrongly_refused) == []
    _noted(request, trying.asked)


async def test_nobody_counts_what_is_not_hers(world: World, trying: Trying) -> None:
    """Counts have no ids, so each of them is told here."""
    school = (3, 17, 28, world.accepted)
    for who in PEOPLE:
        desks = [await trying.ask(who, Ask(f"{each} GET /v1/desk", "anybody", "look")) for each in _SERVICES]
        registry, review, photo, sync = (each.said for each in desks)
        counted = (registry["registered"], registry["submitted"], photo["accepted"], sync["accepted"])
        if who.startswith("own."):
            assert counted == school, who
        elif who in MAY["school"]:
            assert all(each >= here for each, here in zip(counted, school, strict=True)), who
        else:
            assert counted == (0, 0, 0, 0), who
        waiting = {"former": 8, "manager": 9, "own": 17, "sibling": 0, "foreign": 0}.get(who.split(".")[0])
        assert waiting is None or review["cases_open"] == waiting, who


async def test_who_must_not_changes_nothing(
    request: pytest.FixtureRequest, sample_county: WholeStack, world: World, trying: Trying
) -> None:
    before = await acting.state(sample_county, world.school)
    assert await trying.all_of(_must_not(changing(world)), trying.leak) == []
    assert await acting.state(sample_county, world.school) == before
    _noted(request, trying.asked)


async def test_nearly_right_requests_of_strangers_change_nothing(
    request: pytest.FixtureRequest, sample_county: WholeStack, world: World, trying: Trying
) -> None:
    strangers = [world.people[who] for who in PEOPLE if who.startswith(("sibling.", "foreign."))]
    before = await acting.state(sample_county, world.school)

    async def everywhere(person: Person) -> list[acting.Tried]:
        urls = [trying.urls[each] for each in _SERVICES]
        return [await acting.act(trying.client, person, url, world.ids, TRIES) for url in urls]

    tried = [each for found in await asyncio.gather(*map(everywhere, strangers)) for each in found]
    assert [line for each in tried for line in (*each.done, *each.broken)] == []
    assert await acting.state(sample_county, world.school) == before
    asked = sum(each.asked for each in tried)
    assert asked > 25 * TRIES * len(strangers)
    _noted(request, asked)


async def test_without_a_token_that_holds_every_route_is_shut(
    request: pytest.FixtureRequest, sample_county: WholeStack, world: World, trying: Trying
) -> None:
    asks = {each.route: each for each in (*reads(world), *changing(world))}.values()
    issuer = TokenIssuer(_Keys(Path(sample_county.about()["keys"]["registry"])))
    admin, token = world.people["province.admin"], await world.people["province.admin"]._bearer()
    actor = Actor(
        UUID(admin.account["id"]), UUID(admin.account["person_id"]), UUID(admin.organisation["id"]),
        frozenset({Role.PROVINCE_ADMIN}), 99, None,
    )  # fmt: skip
    now = datetime.now(UTC)
    expired, _ = issuer.issue(actor, now - timedelta(minutes=2))
    head, body, signature = token.split(".")
    other = TokenIssuer(_Keys(_other_keys(request)))
    shut = {
        "no token": {},
        "an empty one": {"Authorization": "Bearer"},
        "another kind": {"Authorization": f"Basic {token}"},
        "not signed": {"Authorization": f"Bearer {head}.{body}."},
        "signed by another": {"Authorization": f"Bearer {other.issue(actor, now)[0]}"},
        "another's signature": {"Authorization": f"Bearer {head}.{expired.split('.')[1]}.{signature}"},
        "expired": {"Authorization": f"Bearer {expired}"},
        "in a session's place": {"Session": admin.session},
        "locked": {"Authorization": f"Bearer {await _locked(world, trying)}"},
    }
    for name, headers in shut.items():
        answers = [(each.route, (await trying.send(each, headers)).status) for each in asks]
        assert [answer for answer in answers if answer[1] != 401] == [], name
    _noted(request, trying.asked)


@dataclass
class _Keys:
    keys: Path


def _other_keys(request: pytest.FixtureRequest) -> Path:
    """A key file as registry's, whose key nobody knows, under the name of registry's key."""
    folder: Path = request.getfixturevalue("tmp_path")
    write_keyrings(folder, ["registry"])
    return folder / "registry.keys.json"


async def _locked(world: World, trying: Trying) -> str:
    """The token of an account that is locked since, once every service has heard of it."""
    token = await (await world.accounts.enter(world.services, "matrix.locked"))._bearer()
    own = Ask("registry GET /v1/accounts", "authorities", "list", params={"organisation": world.school})
    found = (await trying.ask("province.admin", own)).said["items"]
    account = next(each["id"] for each in found if each["login"] == "matrix.locked")
    await world.people["province.admin"].post("registry", f"/v1/accounts/{account}/disable")
    headers = {"Authorization": f"Bearer {token}"}

    async def heard() -> bool:
        desks = [await trying.send(Ask(f"{each} GET /v1/desk", "anybody", "list"), headers) for each in _SERVICES]
        return all(each.status == 401 for each in desks)

    await eventually(heard, within=30, every=0.2)
    return token


async def test_who_has_not_chosen_a_password_may_do_nothing(
    request: pytest.FixtureRequest, world: World, trying: Trying
) -> None:
    known = world.accounts.people["matrix.fresh"]
    person, must_change = await sign_in(world.services, "matrix.fresh", known["password"])
    assert must_change
    headers = {"Authorization": f"Bearer {await person._bearer()}"}
    asks = {each.route: each for each in (*reads(world), *changing(world))}.values()
    answers = [(each.route, (await trying.send(each, headers)).status) for each in asks]
    assert [answer for answer in answers if answer[1] != 403] == []
    _noted(request, trying.asked)


async def test_who_may_change_is_let_in(request: pytest.FixtureRequest, world: World, trying: Trying) -> None:
    """The known-good control of all refusals above, and the last: afterwards the school is another."""
    done: Counter[tuple[str, str]] = Counter()
    wrong = []
    for who, ask in _may(changing(world)):
        answer = await trying.ask(who, ask)
        done[ask.route, ask.row] += answer.did
        if said := trying.barred(ask, answer):
            wrong.append(f"{who}: {said}")
    assert wrong == []
    assert [each for each, times in done.items() if not times] == []
    _noted(request, trying.asked)
