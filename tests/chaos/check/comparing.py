"""Two databases compared by counts and sums of what both must say, for stacks that are too large to be held in memory.

Each pair is two statements, of one service each, whose rows are texts that must be the same set. The servers count and
sum their hashes by 4,096 buckets; only rows of buckets that differ are fetched, and named. So a row among millions is
found by two looks, and this program keeps a few thousand numbers. What the invariants see beyond that, one has to ask
of a smaller stack.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg

from chassis import auditing
from contracts.topics import TOPICS, Kind
from tests.chaos.check.sayings import opened
from tests.chaos.check.world import SERVICES, keys_of
from tests.chaos.journal import read

WITNESSES: Final = 10
_LOOKED_INTO: Final = 8
"""Buckets of a pair whose rows are fetched."""
_SUMS: Final = """
SELECT hashtextextended(fact, 0) & 4095 AS bucket, count(*) AS count, sum(hashtextextended(fact, 0)::numeric) AS sum
FROM ({statement}) AS stood (fact) GROUP BY 1
"""
_ROWS: Final = (
    "SELECT fact FROM ({statement}) AS stood (fact) WHERE hashtextextended(fact, 0) & 4095 = ANY($1::bigint[])"
)


@dataclass(frozen=True, slots=True)
class Pair:
    """What two services, or two tables of one, must say alike: statements with one column of text."""

    title: str
    service: str
    statement: str
    other: str
    statement_of_other: str

    def sides(self) -> Iterator[tuple[str, str]]:
        """Service and statement of both."""
        yield self.service, self.statement
        yield self.other, self.statement_of_other


_OWN: Final = (
    Pair(
        "a submission is a case, and ended as it was decided",
        "registry",
        """SELECT concat_ws(' ', request_id, student_id, content_hash,
                            CASE state WHEN 'conflict' THEN 'approved' ELSE state END) FROM submission""",
        "review",
        """SELECT concat_ws(' ', id, student_id, content_hash,
                            CASE state WHEN 'decided' THEN decision ELSE state END) FROM review_case""",
    ),
    Pair(
        "a decided case has one final decision",
        "review",
        "SELECT concat_ws(' ', id, content_hash, decision) FROM review_case WHERE state = 'decided'",
        "review",
        "SELECT concat_ws(' ', case_id, content_hash, outcome) FROM decision WHERE final",
    ),
    Pair(
        "who is registered was approved as often",
        "registry",
        """SELECT concat_ws(' ', student_id, count(*)) FROM student_version WHERE change = 'registered'
           GROUP BY student_id""",
        "registry",
        "SELECT concat_ws(' ', student_id, count(*)) FROM submission WHERE state = 'approved' GROUP BY student_id",
    ),
    Pair(
        "a pupil holds one claim",
        "registry",
        "SELECT id::text FROM student WHERE status NOT IN ('removed', 'rejected')",
        "registry",
        "SELECT student_id::text FROM identity_claim",
    ),
    Pair(
        "a pupil is as the newest version says",
        "registry",
        "SELECT concat_ws(' ', id, version, status) FROM student",
        "registry",
        """SELECT DISTINCT ON (student_id) concat_ws(' ', student_id, version, status) FROM student_version
           ORDER BY student_id, version DESC""",
    ),
    Pair(
        "versions of a pupil have no gap",
        "registry",
        "SELECT concat_ws(' ', id, version) FROM student",
        "registry",
        "SELECT concat_ws(' ', student_id, count(*)) FROM student_version GROUP BY student_id",
    ),
    Pair(
        "a class is as large as its placements",
        "registry",
        "SELECT concat_ws(' ', id, size) FROM class WHERE size > 0",
        "registry",
        "SELECT concat_ws(' ', class_id, count(*)) FROM class_placement WHERE left_on IS NULL GROUP BY class_id",
    ),
    Pair(
        "the nation is told of who is registered",
        "registry",
        "SELECT id::text FROM student WHERE status = 'registered'",
        "sync",
        "SELECT student_id::text FROM national_pupil WHERE ended_at IS NULL",
    ),
    Pair(
        "what the nation said stands on the enrolment",
        "sync",
        "SELECT concat_ws(' ', enrolment_id, standing) FROM national_pupil WHERE ended_at IS NULL",
        "registry",
        "SELECT concat_ws(' ', id, standing) FROM enrolment WHERE standing IS NOT NULL",
    ),
    Pair(
        "the enrolment knows its accepted photo",
        "photo",
        "SELECT concat_ws(' ', enrolment_id, sha256) FROM requirement WHERE state = 'accepted'",
        "registry",
        "SELECT concat_ws(' ', id, photo_hash) FROM enrolment WHERE photo_state = 'accepted'",
    ),
)


def pairs() -> Iterator[Pair]:
    """All of them; of every hearing of the house the marks of its reader are those of its writer."""
    yield from _OWN
    for topic in TOPICS:
        for reader in sorted(topic.readers & set(SERVICES)):
            if topic.kind is not Kind.FOREIGN:
                subjects = f"SELECT concat_ws(' ', subject, version) FROM {{}} WHERE topic = '{topic.name}'"
                yield Pair(
                    f"{reader} has applied the newest of {topic.name}",
                    topic.writer,
                    subjects.format("counter"),
                    reader,
                    subjects.format("watermark"),
                )


_DECIDED: Final = "SELECT case_id FROM decision WHERE final AND outcome = '{}' AND case_id = ANY($1::uuid[])"
ACKNOWLEDGED: Final[Mapping[str, tuple[str, str, str]]] = {
    "submit": ("requests", "registry", "SELECT request_id FROM submission WHERE request_id = ANY($1::uuid[])"),
    "approve": ("cases", "review", _DECIDED.format("approved")),
    "return": ("cases", "review", _DECIDED.format("returned")),
    "import": ("import", "registry", "SELECT id FROM import WHERE state = 'done' AND id = ANY($1::uuid[])"),
}
"""Operation of the journals → where its answer names ids, and the statement that finds those that are there."""


@asynccontextmanager
async def connected(stack: Mapping[str, Any]) -> AsyncIterator[Mapping[str, Any]]:
    """Service → a connection to its database."""
    async with AsyncExitStack() as opening:
        connections = {}
        for name in SERVICES:
            connections[name] = await asyncpg.connect(stack["postgres"][name], timeout=30)
            opening.push_async_callback(connections[name].close)
        yield connections


async def compared(stack: Mapping[str, Any], journals: Path | None = None) -> dict[str, list[str]]:
    """Title of what is not alike → rows that stand on one side alone, or what was told and is not there.

    Of a stack at rest; of what moves meanwhile it tells, too. Raises OSError or PostgresError while a server is away.
    """
    found = {}
    async with connected(stack) as connections:
        for pair in pairs():
            if witnesses := await unlike(pair, connections):
                found[pair.title] = witnesses
        if journals is not None:
            for op, lost in (await _lost(journals, connections)).items():
                found[f"what was told of {op} is there"] = lost
    for name in SERVICES:
        database = opened(name, stack, keys_of(stack))
        try:
            if sentences := await auditing.verify(database):
                found[f"the audit of {name} is as it was written"] = sentences[:WITNESSES]
        finally:
            await database.close()
    return found


async def unlike(pair: Pair, connections: Mapping[str, Any]) -> list[str]:
    """Rows that stand on one side alone, the first of them, by two looks at each side."""
    one, other = [await _sums(connections[service], statement) for service, statement in pair.sides()]
    buckets = [each for each in sorted(one.keys() | other.keys()) if one.get(each) != other.get(each)]
    if not buckets:
        return []
    rows = [
        Counter(
            row["fact"]
            for row in await connections[service].fetch(_ROWS.format(statement=statement), buckets[:_LOOKED_INTO])
        )
        for service, statement in pair.sides()
    ]
    alone = [
        f"{fact} stands in {service} alone"
        for (service, _), ours, theirs in zip(pair.sides(), rows, reversed(rows), strict=True)
        for fact in sorted(ours - theirs)
    ]
    more = len(buckets) - _LOOKED_INTO
    return [*alone[:WITNESSES], *([f"and more in {more} other buckets"] if more > 0 else [])]


async def _sums(connection: Any, statement: str) -> dict[int, tuple[int, int]]:
    """Bucket → number and sum of the rows that fall into it."""
    rows = await connection.fetch(_SUMS.format(statement=statement))
    return {row["bucket"]: (row["count"], row["sum"]) for row in rows}


async def _lost(journals: Path, connections: Mapping[str, Any]) -> dict[str, list[str]]:
    """Operation → ids that somebody was told of, and that are not there."""
    told: dict[str, set[str]] = {op: set() for op in ACKNOWLEDGED}
    for each in await asyncio.to_thread(read, journals):
        if each.outcome == "ok" and each.op in ACKNOWLEDGED:
            named = each.told.get(ACKNOWLEDGED[each.op][0], ())
            told[each.op] |= {named} if isinstance(named, str) else {*named}
    found = {}
    for op, (_, service, statement) in ACKNOWLEDGED.items():
        there = {str(row[0]) for row in await connections[service].fetch(statement, sorted(told[op]))}
        if lost := sorted(told[op] - there):
            found[op] = [f"{len(lost)} of {len(told[op])} are not there", *lost[:WITNESSES]]
    return found


def in_words(found: Mapping[str, Sequence[str]]) -> str:
    """For a person who reads why."""
    return "\n".join(f"{title}: no\n" + "\n".join(f"    {each}" for each in some) for title, some in found.items())
