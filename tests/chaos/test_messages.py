"""Everything comes several times, in any order, with gaps, mixed with poison of every kind: each effect is had once."""

import json
import os
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from chassis import parked
from chassis.clock import now
from chassis.consuming import Listeners
from chassis.consuming.records import Fault
from chassis.envelope import HeaderWriter, partition_of
from chassis.parked import NotParked
from contracts.topics import Topic
from services.chassis.tests.rig import Rig, new_subjects, running
from tests.chaos.conftest import MakeRig
from tests.chaos.network.pair import Pair
from tests.harness.eventually import eventually

SEED = int(os.environ.get("CHAOS_SEED") or 4)
Raw = tuple[Topic, bytes | None, bytes | None, list[tuple[str, bytes]]]
"""Topic, key, body, headers: what anybody can write who may write to the topic."""


def a_fact(rig: Rig, subject: UUID, version: int, body: bytes | None = None, **headers: bytes) -> Raw:
    """A good record, but for what is given otherwise."""
    key = str(subject).encode()
    written = dict(HeaderWriter(rig.topics.talk).write(key, uuid4(), "Asked", 1, version, now(), None, None, None))
    said = body if body is not None else b'{"number": 0}'
    return rig.topics.talk, key, said, list((written | headers).items())


def a_state(rig: Rig, subject: UUID, version: int) -> Raw:
    key = str(subject).encode()
    headers = HeaderWriter(rig.topics.thing).write(key, uuid4(), "ThingChanged", 1, version, now(), None, None, None)
    return rig.topics.thing, key, json.dumps({"number": version}).encode(), headers


async def write(rig: Rig, records: Iterable[Raw], *, acknowledged: bool = False) -> None:
    """Put them in the topics in this order, whoever says them; raises what the broker says when asked to wait."""
    producer = AIOKafkaProducer(bootstrap_servers=rig.kafka, linger_ms=5, max_request_size=4 * 2**20)
    await producer.start()
    try:
        for topic, key, body, headers in records:
            place = partition_of(key or b"", 3)
            sent = await producer.send(topic.name, body, key=key, headers=headers, partition=place)
            if acknowledged:
                await sent
        await producer.flush()
    finally:
        await producer.stop()


async def test_everything_comes_two_to_five_times_shuffled_and_with_gaps(make_rig: MakeRig) -> None:
    print(f"CHAOS_SEED={SEED}")
    chance = random.Random(SEED)
    made = await Pair(await make_rig()).start()
    rig, subjects = made.rig, new_subjects(40)
    facts = [a_fact(rig, subject, version) for subject in subjects for version in range(1, 9)]
    states = [a_state(rig, subject, version) for subject in subjects for version in range(1, 9)]
    gaps = {id(fact) for fact in chance.sample(facts, 30)}
    come = [each for each in facts + states for _ in range(chance.randint(2, 5)) if id(each) not in gaps]
    chance.shuffle(come)
    late = [each for each in facts if id(each) in gaps] * 2
    chance.shuffle(late)
    async with running(Listeners(made.taker, made.hears())):
        await write(rig, come)
        await write(rig, late)
        await eventually(partial(_all_in_order, made, subjects), within=60, every=0.1)
    # A reader that begins today meets the same disorder, and ends with the same.
    newcomer = await Pair(await make_rig()).start()
    newcomer.rig.topics, newcomer.taker.topics = rig.topics, made.taker.topics
    hears = made.hears()
    hears.service = "newcomer"
    async with running(Listeners(newcomer.taker, hears)):
        await eventually(partial(_all_in_order, newcomer, subjects), within=60, every=0.1)
    await made.stop()
    await newcomer.stop()


async def _all_in_order(made: Pair, subjects: Sequence[UUID]) -> bool:
    found = await made.effects()
    assert set(found) == set(subjects)
    for facts, states in found.values():
        assert facts == list(range(1, 9))
        assert states[-1:] == [8]  # facts may all have come before the first state
        assert states == sorted(set(states))
    return True


ITS_OWN = b"its own"


@dataclass(frozen=True)
class Poison:
    """A record that is wrong in one way, and what becomes of it: a reason to be parked, or None if it is applied."""

    reason: str | None
    body: bytes | None = None
    headers: Mapping[str, bytes] | None = None
    key: bytes | None = ITS_OWN
    without: str = ""


POISONS: Mapping[str, Poison] = {
    "not JSON": Poison("invalid", b"<html>"),
    "half of it": Poison("invalid", b'{"number": 1'),
    "not UTF-8": Poison("invalid", b'{"number": "\xff\xfe"}'),
    "a wrong type": Poison("invalid", b'{"number": "many"}'),
    "no object": Poison("invalid", b"[]"),
    "endless depth": Poison("invalid", b"[" * 10_000),
    "a deep object": Poison("invalid", b'{"number":' * 10_000),
    "as much as the broker takes": Poison("invalid", b"x" * 1_047_000),
    "a number that no database holds": Poison("failed", b'{"number": 99999999999999999999}'),
    "no body": Poison("unreadable"),
    "no key": Poison("unreadable", b"{}", key=None),
    "an empty key": Poison("unreadable", b"{}", key=b""),
    "a key that is none": Poison("unreadable", b"{}", key=b"../../etc/passwd"),
    "another's subject": Poison("unreadable", b"{}", {"ce_subject": b"01930000-0000-7000-8000-000000000001"}),
    "no type": Poison("unreadable", b"{}", without="ce_type"),
    "no version": Poison("unreadable", b"{}", without="ce_sequence"),
    "version nought": Poison("unreadable", b"{}", {"ce_sequence": b"0"}),
    "a version beyond everything": Poison("unreadable", b"{}", {"ce_sequence": b"9" * 30}),
    "an epoch beyond everything": Poison("unreadable", b"{}", {"ce_epoch": b"999999999999"}),
    "another envelope": Poison("unreadable", b"{}", {"ce_specversion": b"2.0"}),
    "a time before all times": Poison("unreadable", b"{}", {"ce_time": b"0001-01-01T00:00:00+14:00"}),
    "a time after all times": Poison("unreadable", b"{}", {"ce_time": b"9999-12-31T23:59:59-12:00"}),
    "no moment": Poison("unreadable", b"{}", {"ce_time": b"yesterday"}),
    "a line break in a header": Poison("unreadable", b"{}", {"ce_actor": b"x\r\nSet-Cookie: a=b"}),
    "a NUL in the type": Poison("unreadable", b"{}", {"ce_type": b"As\x00ked"}),
    "a type of another tongue": Poison("unreadable", b"{}", {"ce_type": "问".encode()}),
    "a type that nobody knows": Poison(None, b"not even JSON", {"ce_type": b"Whispered"}),
    "an answer is asked for": Poison(None, b'{"number": 0}', {"reply_to": b"elsewhere"}),
    "a huge correlation": Poison(None, b'{"number": 0}', {"correlation_id": b"c" * 200_000}),
    "a forged trace": Poison(None, b'{"number": 0}', {"traceparent": b"00-\r\n" + b"\xff" * 5000}),
    "more than was asked": Poison(None, b'{"number": 0, "roles": ["province.admin"]}'),
}


def poisoned(rig: Rig, subject: UUID, poison: Poison) -> Raw:
    topic, key, _, headers = a_fact(rig, subject, 1, b"", **(poison.headers or {}))
    replies = {"reply_to": rig.topics.report.name.encode()}
    headers = [(name, replies.get(name, value)) for name, value in headers if name != poison.without]
    return topic, key if poison.key is ITS_OWN else poison.key, poison.body, headers


async def test_poison_of_every_kind_is_parked_and_everything_else_goes_on(
    make_rig: MakeRig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So much of it in so few records would stop the partition, as it should; that has a test of its own.
    monkeypatch.setattr("chassis.consuming.settling.ENOUGH", 10_000)
    made = await Pair(await make_rig()).start()
    rig, good = made.rig, new_subjects(60)
    bad = {name: uuid4() for name in POISONS}
    records = [poisoned(rig, bad[name], poison) for name, poison in POISONS.items()]
    records += [a_fact(rig, subject, version) for version in (1, 2) for subject in good]
    behind = [a_fact(rig, bad[name], 2) for name, poison in POISONS.items() if poison.reason in ("invalid", "failed")]
    async with running(Listeners(made.taker, made.hears())):
        await write(rig, records)
        await write(rig, behind)
        await eventually(partial(_have, made, good, [1, 2]), within=60, every=0.1)
        await eventually(partial(_parked_are, made, len(behind) * 2 + _count("unreadable")), within=60, every=0.1)
        everything = await parked.list_parked(rig.taker, limit=1000)
        found = {str(each.subject): each for each in everything if each.version == 1}
        unreadable = [each for each in everything if each.reason == "unreadable"]
        for name, poison in POISONS.items():
            if poison.reason in ("invalid", "failed"):
                assert found[str(bad[name])].reason == poison.reason, name
        assert len(unreadable) == _count("unreadable")
        applied = {name for name in POISONS if bad[name] in await made.effects()}
        assert applied == {
            "an answer is asked for", "a huge correlation", "a forged trace", "more than was asked"
        }  # fmt: skip
        assert await rig.records(rig.topics.report) == []
        assert not any("Set-Cookie" in record.getMessage() for record in caplog.records)

        # Corrected and replayed while others go on speaking; a second replay changes nothing.
        async with running(made.parts()[0]):
            async with made.speaking():
                for name, poison in POISONS.items():
                    if poison.reason in ("invalid", "failed"):
                        await replay_twice(made, found[str(bad[name])].id)
            await made_everything(made)  # while the relay still runs: what was said last may not be sent yet
    left = await parked.list_parked(rig.taker, limit=1000)
    assert {each.reason for each in left} == {"unreadable"}
    effects = await made.effects()
    for name, poison in POISONS.items():
        if poison.reason in ("invalid", "failed"):
            assert effects[bad[name]][0] == [1, 2], name
    await made.stop()


async def test_two_megabytes_are_refused_to_whoever_writes_them(rig: Rig) -> None:
    """No reader has to stand them: the broker takes no such record, whatever its writer is ready to send."""
    with pytest.raises(MessageSizeTooLargeError):
        await write(rig, [a_fact(rig, uuid4(), 1, b"x" * 2 * 2**20)], acknowledged=True)
    assert await rig.records(rig.topics.talk) == []


async def replay_twice(made: Pair, record: UUID) -> None:
    await parked.correct(made.rig.taker, record, '{"number": 0}')
    outcomes = await parked.replay(made.rig.taker, made.hears(), record)
    assert [each.outcome.value for each in outcomes] == ["applied", "applied"]
    with pytest.raises(NotParked):
        await parked.replay(made.rig.taker, made.hears(), record)


async def made_everything(made: Pair) -> None:
    facts = list(range(1, made.said + 1))
    await eventually(partial(_have, made, made.subjects, facts), within=60, every=0.1)


def _count(reason: str) -> int:
    return sum(poison.reason == reason for poison in POISONS.values())


async def _have(made: Pair, subjects: Sequence[UUID], versions: list[int]) -> bool:
    found = await made.effects()
    return all(found.get(each, ([], []))[0] == versions for each in subjects)


async def _parked_are(made: Pair, number: int) -> bool:
    found = await parked.list_parked(made.rig.taker, limit=1000)
    assert len(found) == number, sorted((each.reason, each.detail) for each in found)
    return True


def test_what_is_said_of_a_fault_quotes_nothing_that_came() -> None:
    """A mapping's key is content too: it may be a name, or hold what no text of the database can."""
    from pydantic import TypeAdapter, ValidationError

    with pytest.raises(ValidationError) as refused:
        TypeAdapter(dict[str, int]).validate_json('{"欧阳金丝雀": "x", "a\\u0000": "y", "number": "z"}')
    assert Fault.of(refused.value).detail == "?: int_parsing; ?: int_parsing; number: int_parsing"
