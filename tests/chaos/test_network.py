"""The network between services and their servers fails in every way: nothing is lost, doubled or out of order.

Nobody is restarted. Each pair of services has links of its own and a fault of its own, and all run side by side.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chassis.faults import Verdict, verdict
from chassis.http import idempotent
from chassis.http.idempotency import Key
from chassis.transaction import Database, connecting
from contracts.values import Role
from services.chassis.tests.conftest import Asked
from services.chassis.tests.web import an_actor
from tests.chaos.conftest import MakeRig
from tests.chaos.network.link import Link, Way
from tests.chaos.network.pair import Pair, last, pair
from tests.chaos.network.speech import committing, committing_offsets, ending_transaction, fetching, producing
from tests.harness.eventually import eventually

Fault = Callable[[Link], object]

FAULTS: dict[str, Fault] = {
    "cut": lambda link: link.cut(),
    "silent": lambda link: link.silence(),
    "requests are lost": lambda link: link.silence(Way.REQUESTS),
    "replies are lost": lambda link: link.silence(Way.REPLIES),
    "half open": lambda link: link.half_open(),
    "a byte a second": lambda link: setattr(link, "rate", 1),
}
PARTITIONS: Sequence[tuple[str, Sequence[tuple[str, float]]]] = [
    ("maker-kafka", [("cut", 4), ("replies are lost", 5), ("a byte a second", 3)]),
    ("maker-kafka", [("half open", 1)]),
    ("taker-kafka", [("silent", 8), ("requests are lost", 4)]),  # longer than its session
    ("taker-kafka", [("half open", 1)]),
    ("maker-postgres", [("silent", 4), ("replies are lost", 4), ("cut", 2)]),
    ("maker-postgres", [("half open", 1)]),
    ("taker-postgres", [("cut", 3), ("replies are lost", 4), ("a byte a second", 4)]),
    ("taker-postgres", [("half open", 1)]),
]
IN_A_TURN = sum(len(faults) for _, faults in PARTITIONS)
TURNS = -(-int(os.environ.get("CHAOS_PARTITIONS", IN_A_TURN)) // IN_A_TURN)
"""How often each pair goes through its faults."""


async def goes_through(make_rig: MakeRig, where: str, faults: Sequence[tuple[str, float]]) -> None:
    """A pair speaks and hears, its link fails for so many seconds, and everything arrives once it is whole again."""
    async with pair(await make_rig()) as made:
        await made.speak()
        await made.everything_arrives(within=90)
        for what, seconds in [*faults] * TURNS:
            async with made.speaking():
                await last(0.5)
                FAULTS[what](made.links[where])
                await last(seconds)
                made.links[where].heal()
            try:
                await made.everything_arrives(within=60)
                await made.topic_is_in_order()
            except AssertionError as error:
                raise AssertionError(f"{where}, {what}: {error}") from error


@pytest.mark.part("Partitions: cut, silent, one way, half open, a byte a second", TURNS * IN_A_TURN)
@pytest.mark.timeout(400 * TURNS)
async def test_every_link_fails_in_every_way_and_heals_without_a_restart(
    make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A statement under way when its server is gone is waited for longer than the server itself would work on it.
    monkeypatch.setattr(connecting, "ANSWER_WITHIN", 5.0)
    assert IN_A_TURN >= 10
    await asyncio.gather(*(goes_through(make_rig, *each) for each in PARTITIONS))


async def test_connections_are_reset_within_what_is_sent_and_committed(make_rig: MakeRig) -> None:
    """A reset before the server got the request, or after it did what was asked and before its answer came."""
    moments = (
        ("maker-kafka", producing),
        ("maker-kafka", ending_transaction),
        ("taker-kafka", fetching),
        ("taker-kafka", committing_offsets),
        ("taker-postgres", committing),
    )
    async with pair(await make_rig()) as made:
        async with made.speaking():
            for name, moment in moments:
                for after in (True, False):
                    link = made.links[name]
                    link.reset_at(moment, after=after)
                    await eventually(partial(_has_reset, link), within=30)
        await made.everything_arrives()
        await made.topic_is_in_order()
    assert sum(link.resets for link in made.links.values()) == 10


def _has_reset(link: Link) -> bool:
    return link.is_spent


async def test_a_commit_of_unknown_fate_is_resolved_by_its_key(make_rig: MakeRig) -> None:
    """The connection is reset within COMMIT, before or after the server did it: whoever repeats it acts once."""
    async with pair(await make_rig()) as made:
        link, unknown, was_done = made.links["maker-postgres"], 0, 0
        keys = [uuid4() for _ in range(20)]
        for n, key in enumerate(keys):
            link.reset_at(committing, after=n % 2 == 0)
            with pytest.raises(DBAPIError) as lost:
                await made_once(made.maker, key)
            assert verdict(lost.value) is Verdict.LATER
            unknown += 1
            was_done += len(await things(made.rig.maker, key))
            await made_once(made.maker, key)
            await made_once(made.maker, key)
        assert (unknown, was_done) == (20, 10)
        for key in keys:
            assert [row.number for row in await things(made.rig.maker, key)] == [1]
        await eventually(partial(_is_sent, made), within=30)
        assert {UUID(record.key.decode()) for record in await made.rig.records(made.rig.topics.talk)} == set(keys)
        async with made.rig.maker.snapshot() as tx:
            assert await tx.scalar(text("SELECT count(*) FROM outbox WHERE topic = :t"), _talk(made)) == 20


async def test_half_a_second_late_give_or_take_and_still_in_order(make_rig: MakeRig) -> None:
    """Every answer takes 500 ± 400 ms."""
    async with pair(await make_rig(), seed=4) as made:
        await made.speak()
        await made.everything_arrives()
        for link in made.links.values():
            link.delay, link.jitter = 0.25, 0.2
        async with made.speaking():
            await last(3)
        # The links stay as slow as they are.
        await made.everything_arrives()
        await made.topic_is_in_order()


async def test_a_broker_that_is_away_is_asked_seldom(make_rig: MakeRig) -> None:
    """Two consumers for three seconds; each with aiokafka's own pace would call thirty times a second."""
    async with pair(await make_rig()) as made:
        await made.speak()
        await made.everything_arrives()
        link = made.links["taker-kafka"]
        link.cut()
        before = link.calls
        await last(3)
        assert 2 <= link.calls - before <= 60
        link.heal()
        await made.speak()
        await made.everything_arrives()


async def test_a_link_without_a_fault_changes_nothing_and_one_that_loses_is_found(make_rig: MakeRig) -> None:
    """The control: what a link swallows is missed by the same questions."""
    async with pair(await make_rig()) as made:
        await made.speak()
        await made.everything_arrives()
        made.links["maker-kafka"].silence()
        await made.speak()
        with pytest.raises(AssertionError):
            await made.everything_arrives(within=1)
        with pytest.raises(AssertionError):
            await made.topic_is_in_order()


async def made_once(database: Database, key: UUID) -> None:
    """What a person asks for; repeated with the same key it acts once."""

    async with database.transaction(an_actor(Role.REGISTRAR)) as tx:

        async def act() -> int:
            await tx.execute(text("INSERT INTO thing (id, number) VALUES (:id, 1)"), {"id": key})
            tx.say(key, Asked(number=1))
            return 1

        await idempotent(tx, Key.of(str(key), "POST /things", database.vault), None, act)


async def things(database: Database, key: UUID) -> Sequence[Any]:
    """What was done with this key."""
    async with database.snapshot() as tx:
        found: Sequence[Any] = await tx.rows(text("SELECT number FROM thing WHERE id = :id"), {"id": key})
    return found


async def _is_sent(made: Pair) -> bool:
    return not await made.rig.unsent()


def _talk(made: Pair) -> dict[str, str]:
    return {"t": made.rig.topics.talk.name}
