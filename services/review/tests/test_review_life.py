"""The life of a case, whatever anybody does in whatever order: as rules, and on a real database with all at once."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chassis.testing import spoken
from chassis.transaction import Database
from contracts import topics
from contracts.refusal import Refusal
from contracts.registry import WithdrawalAsked
from contracts.review import Decision, Reason, RequestWithdrawn
from contracts.values import RequestKind, Role
from review import commands, domain
from review.domain import Case, Outcome, Reviewer, State
from services.review.tests.province import HASH, Province, all_of, an_actor, at, only

PLACES = {name: uuid4() for name in ("county", "city", "province", "other")}
ABOVE = {"county": "city", "city": "province", "other": "city", "province": None}
PEOPLE = [uuid4() for _ in range(3)]
REASONS = (Reason(code="photo-unfit", field="photo"),)
CLOSING = {"approve": Outcome.APPROVED, "send_back": Outcome.RETURNED, "reject": Outcome.REJECTED}


class LifeOfACase(RuleBasedStateMachine):
    """A model that knows only who has the case and how it ended, beside the rules."""

    def __init__(self) -> None:
        super().__init__()
        self.case = Case(uuid4(), RequestKind.ENROLMENT, uuid4(), HASH, PEOPLE[0])
        self.holder: str | None = None
        self.above: str | None = None
        self.ended: str | None = None
        self.said: list[object] = []
        self.clock = at(2026, 9, 1, 8, 0)

    @precondition(lambda self: self.holder is None and self.ended is None)
    @rule(to=st.sampled_from(sorted(PLACES)))
    def is_routed(self, to: str) -> None:
        self.case, self.holder = self.case._replace(authority_id=PLACES[to], authority_name=to), to

    @precondition(lambda self: self.holder is not None and self.above is None and self.ended is None)
    @rule()
    def is_escalated(self) -> None:
        up = ABOVE[self.holder or ""]
        self.case = self.case._replace(escalated_at=self.clock, escalated_to=PLACES[up] if up else None)
        self.above = up

    @rule(
        how=st.sampled_from(sorted(CLOSING)),
        person=st.sampled_from(PEOPLE),
        place=st.sampled_from(sorted(PLACES)),
        seen=st.sampled_from([HASH, "d" * 64]),
        decides=st.booleans(),
    )
    def is_decided(self, how: str, person: UUID, place: str, seen: str, decides: bool) -> None:
        reviewer = Reviewer(person, PLACES[place], decides)
        may = (
            self.ended is None
            and decides
            and self.holder is not None
            and place in (self.holder, self.above)
            and person != PEOPLE[0]
            and seen == HASH
        )
        decide: Callable[[], tuple[Any, Any]] = {
            "approve": lambda: domain.approve(self.case, reviewer, seen, self.clock),
            "send_back": lambda: domain.send_back(self.case, reviewer, seen, REASONS, self.clock),
            "reject": lambda: domain.reject(self.case, reviewer, seen, REASONS, self.clock),
        }[how]
        if not may:
            with pytest.raises(Refusal):
                decide()
            return
        self.case, said = decide()
        self.ended = how
        self.said.append(said)
        assert self.case.outcome is CLOSING[how]

    @rule()
    def is_asked_back(self) -> None:
        done = domain.withdraw(self.case, self.clock)
        assert (done is not None) == (self.ended is None)
        if done is not None:
            self.case, self.ended = done[0], "withdrawn"
            self.said.append(done[1])

    @rule(place=st.sampled_from(sorted(PLACES)), to=st.sampled_from(sorted(PLACES)), anywhere=st.booleans())
    def is_rerouted(self, place: str, to: str, anywhere: bool) -> None:
        may = self.ended is None and to != self.holder
        may = may and (anywhere or (self.holder is not None and place in (self.holder, self.above)))
        reviewer = Reviewer(PEOPLE[1], PLACES[place])
        if not may:
            with pytest.raises(Refusal):
                domain.require_reroutable(self.case, reviewer, PLACES[to], anywhere=anywhere)
            return
        domain.require_reroutable(self.case, reviewer, PLACES[to], anywhere=anywhere)
        self.holder = to
        self.above = ABOVE[to] if self.case.escalated_at else None
        up = PLACES[self.above] if self.above else None
        self.case = self.case._replace(authority_id=PLACES[to], authority_name=to, escalated_to=up)

    @invariant()
    def it_ends_at_most_once(self) -> None:
        assert len(self.said) == (self.ended is not None)
        assert (self.case.state is State.OPEN) == (self.ended is None)
        assert (self.case.closed_at is None) == (self.ended is None)
        for said in self.said:
            assert isinstance(said, Decision | RequestWithdrawn)
            assert said.content_hash == HASH


TestLifeOfACase = LifeOfACase.TestCase
TestLifeOfACase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_many_do_at_once_each_case_ends_once_and_what_is_said_is_what_is_stored(
    database: Database, tree: Province, hear: Any, a_request: Any, said: Any, row_of: Any, seed: int
) -> None:
    chance = random.Random(seed)
    requests = {uuid4(): a_request() for _ in range(25)}
    await hear(*(spoken(topics.REQUEST, case, request) for case, request in requests.items()))
    officers = [tree.officer, tree.colleague, an_actor(tree.county, Role.OFFICER), tree.city_officer, tree.admin]
    cases = list(requests)
    versions = Counter(dict.fromkeys(cases, 1))
    refusals: set[str] = set()

    async def act(what: str) -> None:
        officer, some = chance.choice(officers), chance.sample(cases, chance.randint(1, 8))
        pairs = [(case, HASH if chance.random() < 0.9 else "d" * 64) for case in some]
        try:
            async with database.transaction(officer) as tx:
                if what == "approve":
                    await commands.approve(tx, pairs)
                elif what == "return":
                    await commands.send_back(tx, pairs, REASONS)
                elif what == "reject":
                    await commands.reject(tx, pairs, [Reason(code="not-attending")])
                elif what == "claim":
                    await commands.claim(tx, some[0])
                else:
                    to = chance.choice([tree.county, tree.city])
                    await commands.reroute(tx, some[0], to, "由该单位审核")
        except Refusal as refused:
            refusals.add(refused.code)

    async def withdraw() -> None:
        case = chance.choice(cases)
        versions[case] += 1
        asked = WithdrawalAsked(student_id=requests[case].student_id, asked_by=uuid4())
        await hear(spoken(topics.REQUEST, case, asked, version=versions[case]))

    works = [chance.choice(["approve", "return", "reject", "claim", "reroute"]) for _ in range(40)]
    await all_of([*(act(what) for what in works), *(withdraw() for _ in range(8))])

    assert refusals <= {"already-decided", "request-withdrawn", "not-your-case", "same-authority"}
    ends: dict[UUID, list[str]] = {}
    for subject, kind, body in await said():
        assert body["content_hash"] == HASH
        ends.setdefault(subject, []).append(kind)
    assert all(len(kinds) == 1 for kinds in ends.values())
    told = {"RequestApproved": "approved", "RequestReturned": "returned", "RequestRejected": "rejected"}
    for case in cases:
        row = await row_of(case)
        (kind,) = ends.get(case, [None])
        if row.state == "open":
            assert kind is None
        elif row.state == "withdrawn":
            assert kind == "RequestWithdrawn"
        else:
            assert told[str(kind)] == row.decision
        assert row.state == "open" or row.claimed_by is None
    async with database.snapshot() as tx:
        finals = await only(tx, "SELECT count(*) FROM decision WHERE final")
        decided = await only(tx, "SELECT count(*) FROM review_case WHERE state = 'decided'")
    assert finals == decided
