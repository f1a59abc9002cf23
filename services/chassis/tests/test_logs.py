import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from chassis.telemetry import continued, traceparent
from chassis.telemetry.logs import configure_logs
from chassis.telemetry.redaction import masked

CANARIES = ("欧阳金丝雀", "999999201509011238", "G999999201509011238", "13900001111", "金丝雀·古丽", "𠮷田")


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """`lines()` → what was logged, parsed; logging is as it was afterwards."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    configure_logs("test", "INFO")

    def read() -> list[dict[str, Any]]:
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    yield read
    root.handlers[:], level = before
    root.setLevel(level)
    structlog.reset_defaults()


def test_no_canary_gets_through_by_any_way(lines: Any) -> None:
    log, library = structlog.get_logger(), logging.getLogger("some.library")
    for canary in CANARIES:
        log.info("said", note=f"pupil {canary}!", name=canary, deep={"list": [canary, {"phone": canary}]})
        log.info(canary)
        library.warning("record %s of %r", canary, {"x": canary})
        library.warning("extra", extra={"pupil": canary})
        try:
            try:
                raise KeyError(canary)
            except KeyError as error:
                raise RuntimeError(f"while {canary}") from error
        except RuntimeError as error:
            log.exception("failed")
            library.exception("failed")
            log.info("passed on", error=error, raw=canary.encode())
    # A moment's microseconds may hold any digits.
    said = [{name: value for name, value in line.items() if name != "timestamp"} for line in lines()]
    text = json.dumps(said, ensure_ascii=False)
    assert sum(line.get("logger") == "some.library" for line in said) == 3 * len(CANARIES)
    assert len(text) > 1000
    for canary in CANARIES:
        assert canary not in text
        assert canary.encode().hex() not in text
    assert "2015" not in text


def test_numbers_are_masked_whatever_their_type(lines: Any) -> None:
    structlog.get_logger().info("n", number_of_rows=500, as_number=999999201509011238, rows=3)
    (line,) = lines()
    assert (line["number_of_rows"], line["as_number"]) == (500, "***")


def test_secrets_are_masked() -> None:
    assert masked("postgresql+asyncpg://registry:secret@db/registry") == "postgresql+asyncpg://registry:***@db/registry"
    assert masked("Authorization: Bearer abc.def") == "Authorization: Bearer ***"
    assert masked("token eyJhbGciOiJ.eyJpc3Mi.c2ln!") == "token ***!"


def test_what_is_no_number_of_a_person_stays() -> None:
    for text in ("01930000-0000-7000-8000-000000000001", "3f9c1d2e4b5a69788796a5b4c3d2e1f0", "2026-09-01T08:00:00"):
        assert masked(text) == text


def test_an_exception_is_told_by_type_and_place(lines: Any) -> None:
    class _DriverError(Exception):
        sqlstate = "23505"
        constraint_name = "account_login"

    try:
        raise _DriverError("Key (login)=(liuli01) already exists.")
    except _DriverError:
        structlog.get_logger().exception("failed")
    (line,) = lines()
    (told,) = line["exception"]
    assert (told["sqlstate"], told["constraint_name"]) == ("23505", "account_login")
    assert told["at"][-1].startswith("chassis/tests/test_logs.py:")
    assert "liuli01" not in json.dumps(line)


def test_a_line_is_one_line_whatever_is_logged(lines: Any) -> None:
    structlog.get_logger().info("x", note='a\nb\r\n{"event": "forged"}\u2028')
    assert len(lines()) == 1


def test_lines_name_the_trace(lines: Any) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with continued(parent):
        assert traceparent() == parent
        structlog.get_logger().info("inside")
    structlog.get_logger().info("outside")
    inside, outside = lines()
    assert inside["trace"] == "0af7651916cd43dd8448eb211c80319c"
    assert "trace" not in outside


@pytest.mark.parametrize(
    "parent",
    [
        None,
        "",
        "garbage",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
    ],
)
def test_a_trace_begins_where_none_comes_in(parent: str | None) -> None:
    assert traceparent() is None
    with continued(parent):
        first = traceparent()
        assert first is not None
        assert first != parent
        assert len(first) == 55
    with continued(parent):
        assert traceparent() != first
    assert traceparent() is None


def test_what_a_library_says_again_and_again_is_told_with_how_often(lines: Any) -> None:
    library, began = logging.getLogger("aiokafka.client"), time.time()

    def say(words: str, after: float, *given: object) -> None:
        record = library.makeRecord(library.name, logging.ERROR, __file__, 1, words, given, None)
        record.created = began + after
        library.handle(record)

    for number in range(1000):
        say("Unable connect to node with id %s", number * 0.0099, number)
    say("Another thing", 9.9)
    say("Unable connect to node with id %s", 10.0, 7)
    say("Unable connect to node with id %s", 20.1, 8)
    told = [(line["event"], line.get("again")) for line in lines()]
    assert told == [
        ("Unable connect to node with id 0", None),
        ("Another thing", None),
        ("Unable connect to node with id 7", 999),
        ("Unable connect to node with id 8", None),
    ]


def test_what_the_house_and_other_libraries_say_is_told_each_time(lines: Any) -> None:
    for name in ("chassis.consuming", "some.library"):
        for _ in range(3):
            logging.getLogger(name).error("%s: too much is parked", "a.topic")
            structlog.get_logger(name).error("said")
    assert [line["event"] for line in lines()] == ["a.topic: too much is parked", "said"] * 6
