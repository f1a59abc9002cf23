"""What happens when a deadline has passed."""

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

from chassis.clock import now
from chassis.testing import spoken
from chassis.transaction import Database
from contracts import topics
from review import commands
from services.review.tests.province import HASH, Province, at, calendar, only


async def escalate(database: Database) -> int:
    async with database.transaction() as tx:
        return await commands.escalate(tx)


async def overdue_case(hear: Any, tree: Province, a_request: Any, **changes: Any) -> UUID:
    """A case that was due on 30 September 2026."""
    case_id = uuid4()
    await hear(spoken(topics.CALENDAR, tree.province, calendar(), version=2))
    await hear(spoken(topics.REQUEST, case_id, a_request(submitted_at=at(2026, 9, 1, 9, 0), **changes)))
    return case_id


async def test_a_case_past_its_deadline_is_escalated_once_and_audited(
    database: Database, tree: Province, hear: Any, a_request: Any, row_of: Any, audited: Any, as_: Any
) -> None:
    case_id = await overdue_case(hear, tree, a_request)

    async def listed(actor: Any) -> list[str]:
        async with as_(actor) as client:
            return [each["id"] for each in (await client.get("/v1/cases?escalated=true")).json()["items"]]

    assert await listed(tree.city_officer) == []
    assert await escalate(database) == 1
    assert await listed(tree.city_officer) == [str(case_id)]
    assert await listed(tree.officer) == []
    assert await escalate(database) == 0
    row = await row_of(case_id)
    assert (row.escalated_to, row.state, row.authority_id) == (tree.city, "open", tree.county)
    assert await audited() == ["case.escalate", "case.open"]


async def test_after_it_the_authority_and_the_next_level_up_may_both_decide(
    database: Database, tree: Province, hear: Any, a_request: Any, said: Any
) -> None:
    cases = [await overdue_case(hear, tree, a_request) for _ in range(3)]
    await escalate(database)
    for case_id, actor, expected in zip(
        cases, (tree.officer, tree.city_officer, tree.admin), ("decided", "decided", "not-your-case"), strict=True
    ):
        async with database.transaction(actor) as tx:
            receipt = await commands.approve(tx, [(case_id, HASH)])
        code = next((refusal.code for refusal in receipt.refused.values()), "decided")
        assert code == expected
    assert len(await said()) == 2


async def test_what_is_in_time_decided_or_withdrawn_is_not_escalated(
    database: Database, tree: Province, hear: Any, a_request: Any, a_case: Any
) -> None:
    in_time = await a_case()
    assert await escalate(database) == 0
    decided = await overdue_case(hear, tree, a_request)
    async with database.transaction(tree.officer) as tx:
        await commands.approve(tx, [(decided, HASH), (in_time, HASH)])
    assert await escalate(database) == 0


async def test_the_day_of_the_deadline_is_in_time(
    database: Database, tree: Province, hear: Any, a_request: Any
) -> None:
    await hear(spoken(topics.CALENDAR, tree.province, calendar(now().date()), version=2))
    await hear(spoken(topics.REQUEST, uuid4(), a_request(submitted_at=at(2026, 9, 1, 9, 0))))
    assert await escalate(database) == 0
    async with database.transaction() as tx:
        tx.now += timedelta(days=1)
        assert await commands.escalate(tx) == 1


async def test_nothing_is_escalated_because_a_calendar_was_late(
    database: Database, hear: Any, a_request: Any, row_of: Any, places: Any, organisations: Any
) -> None:
    case_id, may_wait = uuid4(), now().date() + timedelta(days=40)
    # The request and its authority arrive first; until a calendar is heard it looks due on 30 September.
    await hear(spoken(topics.ORGANISATION, places["county"], organisations["county"]))
    await hear(spoken(topics.REQUEST, case_id, a_request(submitted_at=at(2026, 9, 1, 9, 0))))
    assert (await row_of(case_id)).deadline == date(2026, 9, 30)
    assert await escalate(database) == 0
    await hear(spoken(topics.CALENDAR, places["province"], calendar(until=may_wait)))
    assert await escalate(database) == 0
    # The way from the school up to the calendar is known only now.
    for name in ("school", "city", "province"):
        await hear(spoken(topics.ORGANISATION, places[name], organisations[name]))
    assert await escalate(database) == 0
    row = await row_of(case_id)
    assert (row.deadline, row.escalated_at) == (may_wait, None)


async def test_the_provinces_own_case_is_escalated_to_nobody(
    database: Database, tree: Province, hear: Any, a_request: Any, row_of: Any
) -> None:
    case_id = await overdue_case(hear, tree, a_request, authority_id=tree.province)
    assert await escalate(database) == 1
    row = await row_of(case_id)
    assert row.escalated_at is not None
    assert row.escalated_to is None


async def test_an_escalated_case_that_is_rerouted_has_the_next_level_of_its_new_authority(
    database: Database, tree: Province, hear: Any, a_request: Any, row_of: Any
) -> None:
    case_id = await overdue_case(hear, tree, a_request)
    await escalate(database)
    async with database.transaction(tree.city_officer) as tx:
        await commands.reroute(tx, case_id, tree.city, "县局长期未办，由市局直接审核")
    row = await row_of(case_id)
    assert (row.authority_id, row.escalated_to) == (tree.city, tree.province)
    assert await escalate(database) == 0


async def test_two_workers_escalate_a_case_once(
    database: Database, tree: Province, hear: Any, a_request: Any, audited: Any
) -> None:
    for _ in range(5):
        await overdue_case(hear, tree, a_request)
    done = await asyncio.gather(*(escalate(database) for _ in range(4)))
    assert sum(done) == 5
    async with database.snapshot() as tx:
        assert await only(tx, "SELECT count(*) FROM case_event WHERE what = 'escalated'") == 5
