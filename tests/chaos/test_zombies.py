"""A relay that was stopped for longer than it may lead comes back: what it still sends is refused."""

import os
import signal
from functools import partial

from sqlalchemy import text

from chassis.relay import Relay
from services.chassis.tests.rig import Rig, new_subjects, running
from services.chassis.tests.test_crashes import topic_is_whole
from services.chassis.tests.test_faults import leading_pid
from tests.chaos.network.pair import last
from tests.harness.eventually import eventually

SILENCE = 1000
"""Milliseconds for which a leader may be silent; 15,000 in production."""
ROUNDS = 5


async def is_sent(rig: Rig) -> bool:
    return not await rig.unsent()


async def test_stopped_leaders_come_back_again_and_again_and_nothing_old_stands_behind_newer(rig: Rig) -> None:
    """Five times the leader is stopped with rows in its hands; another leads; then it goes on."""
    subjects = new_subjects(30)
    relays = [await rig.child("relay", silence=str(SILENCE)) for _ in range(2)]
    number = 0

    async def speak() -> None:
        nonlocal number
        number += 1
        await rig.say(subjects)
        await rig.touch(rig.topics.thing, dict.fromkeys(subjects, number))

    await speak()
    await eventually(partial(is_sent, rig), within=60)
    led: list[int] = []
    for _ in range(ROUNDS):
        leader = await eventually(partial(leading_pid, rig), within=30)
        led.append(leader)
        await speak()
        os.kill(leader, signal.SIGSTOP)
        for _ in range(3):
            await speak()
        await eventually(partial(is_sent, rig), within=60)  # the other one leads now
        os.kill(leader, signal.SIGCONT)
        await speak()
        await eventually(partial(is_sent, rig), within=60)
        await last(0.2)
    assert all(process.returncode is None for process in relays)
    assert len(set(led)) == 2
    await topic_is_whole(rig, dict.fromkeys(subjects, number))
    newest: dict[bytes, int] = {}
    for record in await rig.records(rig.topics.thing):
        newest[record.key] = int(dict(record.headers)["ce_sequence"])
    # Compaction keeps the last: it is the newest, whoever sent it.
    assert newest == {str(each).encode(): number for each in subjects}


async def test_a_session_that_was_not_fenced_would_be_seen(rig: Rig) -> None:
    """The control: an old state that a zombie got through stands last, and the same question finds it."""
    [subject] = new_subjects(1)
    for number in (1, 2):
        await rig.touch(rig.topics.thing, {subject: number})
    async with running(Relay(rig.maker, f"maker{rig.suffix}")):
        await eventually(partial(is_sent, rig), within=60)
        async with rig.maker.transaction() as tx:
            await tx.execute(text("UPDATE outbox SET published_at = NULL WHERE version = 1"))
        await eventually(partial(is_sent, rig), within=60)
    assert [int(dict(each.headers)["ce_sequence"]) for each in await rig.records(rig.topics.thing)][-1] == 1
