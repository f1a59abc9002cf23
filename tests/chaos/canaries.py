"""Pupils who do not exist, under names, numbers and phones that stand nowhere else: wherever one is found, it leaked.

Every name begins with three characters that no other text of the house has, every number with a region of its own,
every phone with the same seven digits. So one pattern per way of writing finds them all. What is sealed is as random as
bytes can be, and there is much of it: a pattern is so long, or stands so alone, that among 100 GB chance writes none.
"""

import asyncio
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import asyncpg
import re2
from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts import topics
from contracts.record import StudentRecord
from contracts.values import born_on, check_digit
from sample.people import GUARDIAN_REGION, PUPIL_REGION
from sample.roster import Roster, roster
from tests.harness.people import FEMALE, a_guardian, a_record, born
from tests.harness.whole import WholeStack

SURNAME: Final = "龘靐齉"
SEED: Final = 77
"""Of their roster: it makes the last two digits of the regions."""
OTHER_SEED: Final = 76
"""Of a second roster on the same stack: other children, as easily told."""
PHONE: Final = "1990077"
_NAMES: Final = tuple(
    {
        form
        for encoding in ("utf-8", "gb18030", "utf-16-le", "utf-16-be")
        for form in (SURNAME.encode(encoding), SURNAME.encode(encoding).hex().encode())
    }
    | {quote(SURNAME).encode(), quote(SURNAME).lower().encode()}
)
_ESCAPED: Final = (
    b"".join(rb"\\+u(?i:%04x)" % ord(each) for each in SURNAME),
    b"".join(rb"\\+x(?i:%02x)" % each for each in SURNAME.encode()),
)
"""As JSON and Python write it in ASCII; JSON within JSON has more backslashes."""
_NUMBERS: Final = tuple(
    f"{region}{seed:02}".encode() + rb"\d{11}[\dXx]"
    for region in (PUPIL_REGION, GUARDIAN_REGION)
    for seed in (SEED, OTHER_SEED)
)
_PHONES: Final = PHONE.encode() + rb"\d{4}"
_HEX: Final = tuple(
    each.encode().hex().encode() + rb"(?:3\d){4}"
    for each in (PHONE, *(f"{PUPIL_REGION}{seed:02}" for seed in (SEED, OTHER_SEED)))
)


def _compiled(pattern: bytes) -> Any:
    """Every byte is a character to it. Files of gigabytes are read twenty times as fast as by Python's own `re`."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    return re2.compile(pattern, options)


PATTERN: Final = _compiled(
    b"(" + b"|".join([*_NUMBERS, _PHONES]) + b")|" + b"|".join([*map(re.escape, _NAMES), *_ESCAPED, *_HEX])
)
"""Digits are its one group: they count where they stand alone."""
_HEX_DIGITS: Final = frozenset(b"0123456789abcdef")
_ANYBODY: Final = _compiled(
    b"((?:" + b"|".join(each.encode() for each in (PUPIL_REGION, GUARDIAN_REGION)) + rb")\d{2}"
    rb"(?:19|20)\d\d(?:0[1-9]|1[0-2])[0-3]\d\d{3}[\dXx])"
)
_PIECE: Final = 8 * 1024 * 1024
_OVERLAP: Final = 64


def canaries(count: int, school_code: str, classes: list[str], entry_year: int, seed: int = SEED) -> Roster:
    """So many good rows of a sheet, every child and guardian of them a canary."""
    found = roster(seed, count, school_code, classes, entry_year, faults=False)
    for number, entered in enumerate(found.entered, 0 if seed == SEED else 4_000):
        entered.pupil.name = entered.row["姓名"] = SURNAME + chr(0x4E00 + number)
        entered.row["联系电话"] = f"{PHONE}{number:04}"
        for place, member in enumerate(entered.pupil.family, 1):
            member.name = entered.row[f"成员{place}姓名"] = SURNAME + chr(0x5E00 + 2 * number + place)
            member.phone = entered.row[f"成员{place}联系电话"] = f"{PHONE}{1_000 + 2 * number + place:04}"
    return found


def a_canary(number: int = 0) -> StudentRecord:
    """The complete record of a canary, with the two guardians of one."""

    def about(kin: int, region: str, born: date) -> dict[str, str]:
        body = f"{region}{SEED}{born:%Y%m%d}{100 + kin}"
        return {
            "name": SURNAME + chr(0x6E00 + 3 * number + kin), "phone": f"{PHONE}{8_000 + 3 * number + kin:04}",
            "document_type": "1", "document_number": body + check_digit(body),
        }  # fmt: skip

    guardians = [a_guardian(kin, **about(kin + 1, GUARDIAN_REGION, date(1988, 5, 4))) for kin in (0, 1)]
    child = {**about(0, PUPIL_REGION, born(number)), "sex": FEMALE}
    return a_record(number, family=tuple(guardians), **child)


def hits(content: bytes) -> int:
    """How often something of a canary stands there."""
    return sum(1 for each in PATTERN.finditer(content) if each.group(1) is None or _is_alone(content, each))


def numbers(content: bytes) -> int:
    """How often a citizen ID of anybody stands there whom the samples have made up, canary or not."""
    found = (each.group().decode().upper() for each in _ANYBODY.finditer(content) if _is_alone(content, each))
    return sum(born_on(each) is not None for each in found)


def _is_alone(content: bytes, digits: Any) -> bool:
    """Whether it is no part of a longer row of digits or of bytes written as hex, in which chance writes any number."""
    before, after = content[max(0, digits.start() - 1) : digits.start()], content[digits.end() : digits.end() + 1]
    return _HEX_DIGITS.isdisjoint(before + after)


LookFor = Callable[[bytes], int]
"""How often something stands there that should not: `hits`, or `numbers`."""


def in_files(
    folder: Path, *, since: float = 0.0, without: Iterable[Path] = (), look_for: LookFor = hits
) -> Iterator[str]:
    """Files below the folder, changed since then, whose name or content has something of a canary."""
    left_out = [each.resolve() for each in without]
    for root, folders, files in os.walk(folder):
        here = Path(root)
        folders[:] = [name for name in folders if (here / name).resolve() not in left_out]
        for name in (*folders, *files):
            if look_for(os.fsencode(name)):
                yield f"the name of a file in {here}"
        for name in files:
            file = here / name
            try:
                if (
                    file.is_file()
                    and not file.is_symlink()
                    and file.stat().st_mtime >= since
                    and _in_file(file, look_for)
                ):
                    yield str(file)
            except OSError:  # gone meanwhile, or a socket
                continue


def _in_file(file: Path, look_for: LookFor) -> bool:
    tail = b""
    with file.open("rb") as source:
        while piece := source.read(_PIECE):
            if look_for(tail + piece):
                return True
            tail = piece[-_OVERLAP:]
    return False


async def in_topics(bootstrap: str, look_for: LookFor = hits) -> Iterator[str]:
    """Topics of which a record has something of a canary in its key, its headers or its body."""
    found: set[str] = set()
    names = [topic.name for topic in topics.TOPICS]
    consumer = AIOKafkaConsumer(
        *names, bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        places = [TopicPartition(name, each) for name in names for each in consumer.partitions_for_topic(name) or ()]
        assert len(places) >= len(names), "the broker does not tell its partitions"
        ends = await consumer.end_offsets(places)
        while [place for place in places if await consumer.position(place) < ends[place]]:
            for place, records in (await consumer.getmany(timeout_ms=500)).items():
                for record in records:
                    parts = [record.key or b"", record.value or b""]
                    parts += [part for name, value in record.headers for part in (name.encode(), value or b"")]
                    if look_for(b"\0".join(parts)):
                        found.add(f"topic {place.topic}")
    finally:
        await consumer.stop()
    return iter(sorted(found))


async def in_tables(connection: Any, look_for: LookFor = hits) -> list[str]:
    """Tables of which a row has something of a canary, whatever the column's type (bytes are written as hex)."""
    names = await connection.fetch(
        "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        # What stands in a part of a table is read with the table.
        " AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = format('%I.%I', schemaname, tablename)::regclass)"
        " ORDER BY 1"
    )
    found = []
    for row in names:
        async with connection.transaction():
            async for line in connection.cursor(f"SELECT t::text AS line FROM {row['name']} AS t", prefetch=2_000):
                if look_for(line["line"].encode()):
                    found.append(f"table {row['name']}")
                    break
    return found


async def in_stack(
    stack: WholeStack, look_for: LookFor = hits, *, since: float, without: Iterable[Path] = ()
) -> list[str]:
    """Where it stands outside of what is sealed, on a running stack: files (the servers' own, too), topics, tables,
    processes, and what the machine's temporary folders have got since then.
    """
    about = stack.about()
    found = await asyncio.to_thread(_on_disk, stack.folder, look_for, since, without)
    found += await in_topics(str(about["kafka"]), look_for)
    for service, dsn in about["postgres"].items():
        connection = await asyncpg.connect(dsn.replace("+asyncpg", ""))
        try:
            found += [f"{service}: {each}" for each in await in_tables(connection, look_for)]
        finally:
            await connection.close()
    for pid in {*stack.programs.values(), *stack.pids.values()}:
        found += in_process(pid, look_for)
    return found


def _on_disk(folder: Path, look_for: LookFor, since: float, without: Iterable[Path]) -> list[str]:
    """In the stack's folder, and in temporary files of this time but for those of the tests themselves."""
    temporary = Path(tempfile.gettempdir())
    own = [*without, folder.parent, *temporary.glob("pytest-of-*"), *temporary.glob("registry-tests-*")]
    found = list(in_files(folder, look_for=look_for))
    return found + list(in_files(temporary, since=since, without=own, look_for=look_for))


def in_process(pid: int, look_for: LookFor = hits) -> list[str]:
    """Whether the arguments, the environment or the open files' names of a process have something of a canary."""
    found = []
    for what in ("cmdline", "environ"):
        try:
            content = Path(f"/proc/{pid}/{what}").read_bytes()
        except OSError:
            continue
        if look_for(content):
            found.append(f"{what} of process {pid}")
    for link in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            name = str(link.readlink())
        except OSError:
            continue
        if look_for(os.fsencode(name)):
            found.append(f"an open file of process {pid}")
    return found
