"""A relay that was stopped for longer than it may lead comes back: what it still sends is refused."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from sqlalchemy import text

from chassis.relay import Relay
from services.chassis.tests.rig import Rig, new_subjects, running
from services.chassis.tests.test_crashes import topic_is_whole
from services.chassis.tests.test_faults import leading_pid
from tests.chaos.network.link import Link
from tests.chaos.network.speech import Kafka, producing
from tests.harness.eventually import eventually

SILENCE = 1000
"""Milliseconds for which a leader may be silent; 15,000 in production."""
ROUNDS = 5


async def is_sent(rig: Rig) -> bool:
    return not await rig.unsent()


@asynccontextmanager
async def two_relays(rig: Rig) -> AsyncIterator[dict[int, Link]]:
    """Process → the link by which it reaches the broker."""
    host, port = rig.kafka.split(":")
    async with AsyncExitStack() as open_ones:
        found = {}
        for _ in range(2):
            link = await Link(host, int(port), Kafka(host, int(port))).start()
            open_ones.push_async_callback(link.stop)
            found[(await rig.child("relay", silence=str(SILENCE), kafka=link.address)).pid] = link
        yield found


async def test_stopped_leaders_come_back_again_and_again_and_nothing_old_stands_behind_newer(rig: Rig) -> None:
    """Five times the leader is stopped with a batch half on its way; another leads; then the batch arrives after all.

    A relay that is not fenced off fails here: its old states stand behind newer ones.
    """
    subjects = new_subjects(30)
    number = 0

    async def speak() -> None:
        nonlocal number
        number += 1
        await rig.say(subjects)
        await rig.touch(rig.topics.thing, dict.fromkeys(subjects, number))

    async with two_relays(rig) as links:
        await speak()
        await eventually(partial(is_sent, rig), within=60)
        led: list[int] = []
        for _ in range(ROUNDS):
            leader = await eventually(partial(leading_pid, rig), within=30)
            led.append(leader)
            links[leader].hold_at(producing)
            await speak()
            await eventually(links[leader].held.is_set, within=30)
            os.kill(leader, signal.SIGSTOP)
            for _ in range(3):
                await speak()
            await eventually(partial(is_sent, rig), within=60)  # the other one leads now
            links[leader].heal()
            os.kill(leader, signal.SIGCONT)
            await speak()
            await eventually(partial(is_sent, rig), within=60)
        assert all(process.returncode is None for process in rig.children)
    assert len(set(led)) == 2
    await topic_is_whole(rig, dict.fromkeys(subjects, number))
    states: dict[bytes, list[int]] = {}
    for record in await rig.records(rig.topics.thing):
        states.setdefault(record.key, []).append(int(dict(record.headers)["ce_sequence"]))
    # Nothing of the batches that came late is there, or a state would stand behind a newer one for a while.
    assert all(each == sorted(each) for each in states.values())
    assert {key: each[-1] for key, each in states.items()} == {str(each).encode(): number for each in subjects}


async def test_a_session_that_was_not_fenced_would_be_seen(rig: Rig) -> None:
    """The control: an old state that a zombie got through stands last, and the same question finds it."""
    [subject] = new_subjects(1)
    for number in (1, 2):
        await rig.touch(rig.topics.thing, {subject: number})
    async with running(Relay(rig.maker, f"maker{rig.suffix}")):
        await eventually(partial(is_sent, rig), within=60)
        async with rig.maker.transaction() as tx:
            # The first saying, once more, as if nobody had sent it.
            await tx.execute(text("UPDATE saying SET sent_at = NULL WHERE id = (SELECT min(id) FROM saying)"))
        await eventually(partial(is_sent, rig), within=60)
    assert [int(dict(each.headers)["ce_sequence"]) for each in await rig.records(rig.topics.thing)][-1] == 1
