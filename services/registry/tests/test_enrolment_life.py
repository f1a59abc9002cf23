"""Whatever clerks do and review says, in whatever order: every pupil's life is a path of the table, versions 1..n."""

from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from chassis.testing import deliver
from chassis.transaction import Database
from contracts.review import RequestApproved, RequestRejected, RequestReturned, RequestWithdrawn
from contracts.values import StudentStatus
from registry.enrolment import commands
from registry.enrolment.queries import Submission
from registry.main import subscribers
from registry.student import commands as student_commands
from registry.student.commands import Entry
from registry.student.domain import EDGES, Change
from tests.harness.people import a_record
from tests.harness.pupils import Pupils, decision

WRONG = "0" * 64
KINDS = (RequestApproved, RequestReturned, RequestRejected, RequestWithdrawn)
STEPS = st.lists(
    st.one_of(
        st.just(("submit",)),
        st.just(("edit",)),
        st.just(("withdraw",)),
        st.just(("photo",)),
        st.tuples(st.just("decide"), st.sampled_from(KINDS), st.booleans(), st.sampled_from(["last", "first"])),
        st.just(("again",)),
    ),
    min_size=3,
    max_size=9,
)
TERMINAL = {"approved": "registered", "rejected": "rejected"}


class Life:
    """One pupil, and what was said of the requests so far."""

    def __init__(self, pupils: Pupils, student_id: UUID, number: int) -> None:
        self.pupils, self.student_id, self.number = pupils, student_id, number
        self.requests: list[Submission] = []
        self.spoken: dict[UUID, int] = {}
        self.last: Any = None

    async def submit(self) -> None:
        receipt = await self.pupils.submit([self.student_id])
        assert len(receipt.submitted) + len(receipt.refused) == 1
        self.requests += await self.pupils.submissions([each.request_id for each in receipt.submitted])

    async def edit(self) -> None:
        async with self.pupils.database.transaction(self.pupils.registrar) as tx:
            record = a_record(self.number, address=f"水湖镇{uuid4().hex[:6]}号")
            await student_commands.draft(tx, self.pupils.school_id, [Entry(1, record, grade=1)])

    async def withdraw(self) -> None:
        async with self.pupils.database.transaction(self.pupils.registrar) as tx:
            await commands.ask_withdrawal(tx, self.pupils.school_id, [self.student_id])

    async def photo(self) -> None:
        await self.pupils.photograph([self.student_id], uuid4().hex * 2)

    async def decide(self, kind: type[Any], is_right: bool, which: str) -> None:
        if not self.requests:
            return
        request = self.requests[-1 if which == "last" else 0]
        self.spoken[request.request_id] = version = self.spoken.get(request.request_id, 0) + 1
        wrong = None if is_right else WRONG
        self.last = decision(kind, request, version=version, content_hash=wrong)
        await self.again()

    async def again(self) -> None:
        if self.last is not None:
            await deliver(self.pupils.database, subscribers, [self.last])


@pytest.fixture
async def pupils(database: Database, tree: Any, a_class: Any) -> Pupils:
    return await Pupils.of(database, tree, a_class)


async def test_every_life_is_a_path_of_the_table(pupils: Pupils, database: Database) -> None:
    class_id = await pupils.a_class(capacity=120)
    numbers = iter(range(100_000))

    async def live(steps: list[tuple[Any, ...]]) -> None:
        number = next(numbers)
        (student_id,) = await pupils.draft(start=number, placed=False)
        async with database.transaction(pupils.registrar) as tx:
            await tx.execute(
                text("UPDATE enrolment SET class_id = :c WHERE student_id = :s"), {"c": class_id, "s": student_id}
            )
        life = Life(pupils, student_id, number)
        for step, *how in steps:
            await getattr(life, step)(*how)
        await holds(database, student_id)

    for steps in _examples():
        await live(steps)


def _examples() -> list[list[tuple[Any, ...]]]:
    """Thirty random lives, drawn by hypothesis, and the ones that once went wrong first."""
    found: list[list[tuple[Any, ...]]] = [
        [("submit",), ("decide", RequestApproved, True, "last"), ("decide", RequestReturned, True, "last"),
         ("submit",)],
        [("submit",), ("decide", RequestReturned, True, "last"), ("edit",), ("submit",), ("again",), ("photo",),
         ("decide", RequestApproved, True, "first"), ("decide", RequestApproved, True, "last")],
        [("submit",), ("withdraw",), ("edit",), ("decide", RequestWithdrawn, False, "last"), ("submit",)],
    ]  # fmt: skip

    @settings(max_examples=30, database=None, derandomize=True, suppress_health_check=list(HealthCheck), deadline=None)
    @given(STEPS)
    def draw(steps: list[tuple[Any, ...]]) -> None:
        found.append(steps)

    draw()
    return found


async def holds(database: Database, student_id: UUID) -> None:
    """Versions are 1..n, every step is in the table, and the submissions agree with where the pupil stands."""
    async with database.snapshot() as tx:
        rows = await tx.rows(
            text("SELECT version, change, status FROM student_version WHERE student_id = :id ORDER BY version"),
            {"id": student_id},
        )
        now = await tx.row(text("SELECT version, status FROM student WHERE id = :id"), {"id": student_id})
        submissions = await tx.rows(
            text("SELECT number, state FROM submission WHERE student_id = :id ORDER BY number"), {"id": student_id}
        )
        said_versions = [
            row.version
            for row in await tx.rows(
                text("SELECT version FROM outbox WHERE topic = 'registry.student.v1' AND subject = :id ORDER BY id"),
                {"id": student_id},
            )
        ]
    assert now is not None
    assert [row.version for row in rows] == list(range(1, len(rows) + 1))
    assert (now.version, now.status) == (rows[-1].version, rows[-1].status)
    assert (rows[0].change, rows[0].status) == ("drafted", "draft")
    for before, row in pairwise(rows):
        assert EDGES[StudentStatus(before.status), Change(row.change)] == row.status
    assert said_versions == sorted(set(said_versions))
    states = [row.state for row in submissions]
    assert [row.number for row in submissions] == list(range(1, len(submissions) + 1))
    assert (states.count("open") == 1) is (now.status == "submitted")
    assert "open" not in states[:-1]
    assert not ({"approved", "rejected"} & set(states[:-1]))
    if states and states[-1] in TERMINAL:
        assert now.status == TERMINAL[states[-1]]
