"""What a header may hold: anybody who may write to a topic can write anything into one."""

from uuid import uuid4

import pytest

from chassis.consuming.records import Record
from services.chassis.tests.conftest import make_topics


def the_headers(key: bytes) -> dict[str, bytes]:
    return {
        "ce_specversion": b"1.0", "ce_type": b"Asked", "ce_id": str(uuid4()).encode(), "ce_subject": key,
        "ce_epoch": b"1", "ce_sequence": b"1", "ce_time": b"2026-09-01T08:00:00Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce_epoch", b"99999999999"),  # no integer of the database
        ("ce_time", b"0001-01-01T00:00:00+14:00"),  # no day of Shanghai
        ("ce_time", b"9999-12-31T23:59:59-12:00"),
        ("ce_type", b"As\x00ked"),  # no text of the database
        ("ce_specversion", b"2.0"),
    ],
)
def test_a_header_that_nothing_can_hold_makes_the_record_unreadable(name: str, value: bytes) -> None:
    key = str(uuid4()).encode()
    headers = the_headers(key)
    topic = make_topics("").talk
    assert Record.of(topic, 0, 0, key, b"{}", headers.items()).fault is None
    fault = Record.of(topic, 0, 0, key, b"{}", (headers | {name: value}).items()).fault
    assert fault is not None
    assert fault.reason == "unreadable"


def test_a_header_that_is_none_of_ours_says_nothing() -> None:
    key = str(uuid4()).encode()
    headers, topic = the_headers(key), make_topics("").talk
    more = {"reply_to": b"review.decision.v1", "correlation_id": b"1", "ce_role": b"province.admin", "x\r\ny": b"\0"}
    plain, dressed = (Record.of(topic, 0, 0, key, b"{}", each.items()) for each in (headers, headers | more))
    assert (dressed.fault, dressed.envelope) == (None, plain.envelope)
