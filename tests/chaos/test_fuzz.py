"""Parsers and ports under whatever bytes there are: refused in words, and no process ends.

The services' routes: `fuzz/test_fuzz_*.py`. All counts are shares of `CHAOS_FUZZ_REQUESTS`.
"""

import asyncio
import json
import random
from base64 import b64encode
from contextlib import suppress
from typing import Any, Final
from uuid import UUID, uuid4

import httpx2
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from chassis import envelope
from chassis.envelope import Unreadable
from chassis.sealing import SealBroken, WireKeys
from contracts import topics
from contracts.national import NumberIssued, ProblemFound, RecordAccepted, RecordRejected
from photo.domain import named_by
from registry.importing.reader import compound, marks, text
from registry.importing.reader.cells import RowReader, words
from registry.importing.reader.frames import pack, unpack
from registry.importing.reader.headers import canonical, is_heading
from registry.importing.reader.marks import Marks
from registry.importing.reader.verdict import FileRefused
from registry.student.entry import HEADERS, SheetReader, grade_of
from tests.chaos.fuzz.sending import LONGEST, SEED, share
from tests.chaos.fuzz.values import STRANGE
from tests.chaos.hostile.tables import old
from tests.harness.sheets import a_row
from tests.harness.whole import WholeStack

pytestmark = pytest.mark.timeout(LONGEST)
PARSERS: Final = 0.025
"""Of all requests, for each parser."""
RAW: Final = 0.27
_TEXTS = st.one_of(st.text(max_size=60), st.sampled_from([each for each in STRANGE if each.isprintable()]))
_GOOD: Final = {header: str(cell) for header, cell in a_row(1).items()}
_ROWS = st.dictionaries(st.sampled_from(sorted(_GOOD)), _TEXTS, max_size=8)
_CELLS = st.one_of(_TEXTS, st.none(), st.booleans(), st.integers(), st.floats(), st.dates(), st.datetimes(), st.times())


def many(test: Any) -> Any:
    """So many examples, from the seed of the run."""
    found = settings(
        max_examples=share(PARSERS), database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )(test)
    return pytest.mark.part("Fuzzed requests, rows, envelopes and raw bytes", share(PARSERS))(seed(SEED)(found))


@many
@given(_ROWS)
def test_a_row_is_read_whatever_stands_in_it(changes: dict[str, str]) -> None:
    cells = {**_GOOD, **changes}
    found = SheetReader([*cells]).read([*cells.values()])
    assert found.record is not None or found.problems
    assert all("请" in problem.text or problem.text for problem in found.problems)
    grade_of(next(iter(changes.values()), None))


@many
@given(st.lists(_CELLS, max_size=12), st.integers(1, 100_001))
def test_a_cell_is_read_whatever_type_it_has(cells: list[Any], number: int) -> None:
    columns = tuple(HEADERS.values())[: len(cells)]
    found = RowReader(columns, Marks(), typed=False).read(number, cells)
    for cell, header in zip(cells, columns, strict=False):
        assert words(cell, header) is None or isinstance(words(cell, header), str)
    if found is not None:
        assert unpack(pack(columns, [found]))[1][0][1] == found[1]


@many
@given(st.one_of(st.binary(max_size=400), st.text(max_size=300).map(lambda each: each.encode("utf-8", "replace"))))
def test_a_text_is_rows_or_refused(content: bytes) -> None:
    with suppress(FileRefused):
        for number, row in text.rows(text.decode(content)):
            assert number >= 1
            is_heading(row)
            [canonical(cell) for cell in row]


@many
@given(st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 255)), min_size=1, max_size=30))
def test_an_old_workbook_is_followed_or_refused(changes: list[tuple[int, int]]) -> None:
    content = bytearray(old())
    for place, value in changes:
        content[place % len(content)] = value
    with suppress(FileRefused):
        compound.look(compound.Compound(bytes(content)))


_XML = st.lists(
    st.one_of(
        st.sampled_from([b"<c ", b'r="A1"', b"<f>", b"</f>", b"<mergeCell ", b'ref="A1:B2"', b"/>", b"<si>", b"<row>"]),
        st.binary(max_size=12),
    ),
    max_size=40,
)


@many
@given(_XML)
def test_a_part_of_a_workbook_is_looked_at_or_refused(pieces: list[bytes]) -> None:
    with suppress(FileRefused):
        marks.look([b"<x>", *pieces], lambda: [b"<x>", *pieces])


_VALUES: Final = (b"1", b"-1", b"9" * 5_000, b"\r\nx: y", str(UUID(int=1)).encode())
_HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            ["ce_id", "ce_type", "ce_source", "ce_subject", "ce_epoch", "ce_sequence", "ce_time", "ce_actor",
             "ce_cause",
             "traceparent", "reply_to", "correlation_id", "content-type"]
        ),
        st.one_of(st.binary(max_size=60), st.sampled_from(_VALUES)),
    ),
    max_size=14,
)  # fmt: skip


@many
@given(st.sampled_from(topics.TOPICS), st.one_of(st.none(), st.binary(max_size=50)), _HEADERS)
def test_an_envelope_is_read_or_unreadable(topic: Any, key: bytes | None, headers: list[tuple[str, bytes]]) -> None:
    for each in (key, str(UUID(int=1)).encode()):
        with suppress(Unreadable):
            envelope.read(topic, each, headers)


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), _TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["echo", "epoch", "version", "content_hash", "reasons", "number", "problems", "x"]),
            inner, max_size=6,
        ),
    ),
    max_leaves=12,
)  # fmt: skip


@many
@given(
    st.sampled_from([RecordAccepted, RecordRejected, ProblemFound, NumberIssued]),
    st.one_of(_JSON, st.binary(max_size=80)),
)
def test_a_receipt_of_the_nation_is_read_or_invalid(event: Any, body: Any) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with suppress(ValidationError):
        event.model_validate_json(content)


_WIRE: Final = WireKeys({topics.RECEIPT.name: {"current": "w", "keys": {"w": b64encode(b"w" * 32).decode()}}})


@many
@given(st.binary(max_size=300))
def test_a_sealed_body_opens_or_is_broken(content: bytes) -> None:
    whole = _WIRE.seal(topics.RECEIPT.name, UUID(int=1), 1, 1, b"{}")
    for each in (content, whole[: len(content)], content + whole, whole[:40] + content):
        with pytest.raises(SealBroken):
            _WIRE.open(topics.RECEIPT.name, UUID(int=1), 1, 2, each)


@many
@given(st.text(max_size=80))
def test_a_file_name_names_somebody_or_nobody(stem: str) -> None:
    assert all(reading.parts for reading in named_by(stem))


_HOST: Final = b" HTTP/1.1\r\nHost: x\r\n"
_LINES: Final = (
    b"GET /" + _HOST + b"\r\n",
    b"GET /health/live HTTP/1.1\r\n\r\n",
    b"GET  /  HTTP/9.9\r\n\r\n",
    b"POST /v1/sessions" + _HOST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
    b"POST /v1/students" + _HOST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nffffffffffffffff\r\n",
    b"POST /v1/students" + _HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /" + _HOST + b"A: \x00\x01\r\n\r\n",
    b"GET /%ff%fe%00" + _HOST + b"\r\n",
    b"GET http://169.254.169.254/" + _HOST + b"\r\n",
    b"CONNECT x:1 HTTP/1.1\r\n\r\n",
    b"TRACE /" + _HOST + b"\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    b"GET /" + _HOST + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: eA==\r\n\r\n",
    b"GET /v1/desk" + _HOST + b"Authorization: Bearer " + b"a." * 3_000 + b"\r\n\r\n",
    b"GET /" + b"a" * 70_000 + _HOST + b"\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 9_000 + b"\r\n",
)


def _raw(chance: random.Random) -> bytes:
    """Bytes of a stranger: nearly HTTP, or not at all."""
    if chance.random() < 0.2:
        return chance.randbytes(chance.choice((1, 20, 3_000)))
    found = bytearray(chance.choice(_LINES) * chance.choice((1, 1, 1, 3)))
    for _ in range(chance.choice((0, 0, 1, 5))):
        found[chance.randrange(len(found))] = chance.randrange(256)
    return bytes(found[: chance.randrange(len(found)) + 1] if chance.random() < 0.3 else found)


async def _said(host: str, port: int, content: bytes, *, rude: bool) -> bytes:
    """What is answered to bytes; `rude` goes away without listening."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        with suppress(OSError):  # it has hung up on such a stranger
            writer.write(content)
            await writer.drain()
            if rude:
                writer.transport.abort()
                return b""
            writer.write_eof()
            return await asyncio.wait_for(reader.read(), 30)
        return b""
    finally:
        writer.close()


@pytest.mark.slow
@pytest.mark.part("Fuzzed requests, rows, envelopes and raw bytes", share(RAW))
async def test_no_bytes_on_a_port_bring_an_error_or_end_a_process(sample_county: WholeStack) -> None:
    chance = random.Random(SEED)
    pids = dict(sample_county.pids)
    places = [httpx2.URL(url) for name, url in sample_county.urls.items() if name != "nation"]
    left, bad = share(RAW), list[str]()

    async def stranger() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            place, content = chance.choice(places), _raw(chance)
            said = await _said(place.host, place.port or 80, content, rude=chance.random() < 0.1)
            if any(said[at:].startswith((b"HTTP/1.1 5", b"HTTP/1.0 5")) for at in _answers(said)):
                bad.append(f"{place.port} {content[:200]!r} -> {said[:200]!r}")

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(stranger())
    assert bad[:10] == []
    assert sample_county.pids == pids
    async with httpx2.AsyncClient(trust_env=False) as client:
        for url in sample_county.urls.values():
            answer = await client.get(f"{url}/health/ready", headers={"X-Request-Id": str(uuid4())})
            assert answer.status_code == 200


def _answers(said: bytes) -> list[int]:
    """Where answers begin."""
    return [at for at in range(len(said)) if said.startswith(b"HTTP/1.", at)]
