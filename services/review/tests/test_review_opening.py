"""Cases as they come in: opened, routed, given a deadline; twice, out of order, behind a gap."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

from chassis.clock import now
from chassis.testing import spoken
from chassis.transaction import Database
from contracts import topics
from contracts.registry import WithdrawalAsked
from contracts.values import OrganisationKind
from review import commands
from services.review.tests.province import HASH, Province, at, calendar, link, organisation

REQUEST = topics.REQUEST


async def test_a_request_opens_a_case_at_the_schools_authority(
    tree: Province, a_request: Any, hear: Any, row_of: Any
) -> None:
    case_id, request = uuid4(), a_request(warnings=("age-below",), submission_number=2)
    assert await hear(spoken(REQUEST, case_id, request)) == ["applied"]
    row = await row_of(case_id)
    assert (row.state, row.step, row.authority_id, row.school_id) == ("open", 1, tree.county, tree.school)
    assert (row.student_id, row.submission_number, row.content_hash) == (request.student_id, 2, HASH)
    assert (row.warnings, row.submitted_by) == (["age-below"], request.submitted_by)
    assert row.deadline == now().date() + timedelta(days=30)


async def test_the_authority_may_be_of_any_level(tree: Province, a_request: Any, hear: Any, row_of: Any) -> None:
    case_id = uuid4()
    await hear(spoken(REQUEST, case_id, a_request(school_id=tree.junior, authority_id=tree.city)))
    assert (await row_of(case_id)).authority_id == tree.city


async def test_where_registry_knew_no_authority_the_link_of_the_day_decides(
    tree: Province, a_request: Any, hear: Any, row_of: Any
) -> None:
    case_id = uuid4()
    await hear(spoken(REQUEST, case_id, a_request(school_id=tree.junior, authority_id=None)))
    assert (await row_of(case_id)).authority_id == tree.city


async def test_the_same_request_twice_is_one_case(tree: Province, a_request: Any, hear: Any, said: Any) -> None:
    first, second = uuid4(), uuid4()
    events = [spoken(REQUEST, first, a_request()), spoken(REQUEST, second, a_request())]
    assert await hear(*events, *events) == ["applied", "applied", "seen", "seen"]
    assert await hear(*events) == ["seen", "seen"]
    assert await said() == []


async def test_a_withdrawal_before_its_request_waits_for_it(
    tree: Province, a_request: Any, hear: Any, row_of: Any, said: Any
) -> None:
    case_id, request = uuid4(), a_request()
    asked = WithdrawalAsked(student_id=request.student_id, asked_by=uuid4())
    assert await hear(spoken(REQUEST, case_id, asked, version=2)) == ["waiting"]
    assert await row_of(case_id) is None
    await hear(spoken(REQUEST, case_id, request, version=1))
    assert (await row_of(case_id)).state == "withdrawn"
    ((subject, kind, body),) = await said()
    assert (subject, kind, body["content_hash"]) == (case_id, "RequestWithdrawn", HASH)


async def test_a_request_and_its_withdrawal_in_one_batch_are_applied_in_order(
    tree: Province, a_request: Any, hear: Any, row_of: Any, said: Any
) -> None:
    cases = [(uuid4(), a_request()) for _ in range(3)]
    events = [
        event
        for case_id, request in cases
        for event in (
            spoken(REQUEST, case_id, request, version=1),
            spoken(REQUEST, case_id, WithdrawalAsked(student_id=request.student_id, asked_by=uuid4()), version=2),
        )
    ]
    assert await hear(*events) == ["applied"] * 6
    assert [(await row_of(case_id)).state for case_id, _ in cases] == ["withdrawn"] * 3
    assert [kind for _, kind, _ in await said()] == ["RequestWithdrawn"] * 3


async def test_a_new_submission_of_the_same_pupil_leaves_the_old_case_alone(
    tree: Province, a_request: Any, hear: Any, row_of: Any
) -> None:
    first, second, request = uuid4(), uuid4(), a_request()
    await hear(spoken(REQUEST, first, request))
    again = request.model_copy(update={"submission_number": 2, "content_hash": "d" * 64})
    await hear(spoken(REQUEST, second, again))
    old, new = await row_of(first), await row_of(second)
    assert (old.state, old.content_hash, new.state, new.content_hash) == ("open", HASH, "open", "d" * 64)


async def test_five_hundred_requests_are_opened_in_three_statements(
    database: Database, tree: Province, a_request: Any, hear: Any, statements: Any, audited: Any
) -> None:
    events = [spoken(REQUEST, uuid4(), a_request()) for _ in range(500)]
    with statements(database) as seen:
        assert await hear(*events) == ["applied"] * 500
    ours = [each for each in seen if "organisation_copy" in each or "review_case" in each]
    assert len(ours) == 3
    assert await audited() == ["case.open"]


async def test_of_an_authority_that_is_not_known_the_case_waits_unrouted_until_it_arrives(
    tree: Province, a_request: Any, hear: Any, row_of: Any
) -> None:
    case_id, late = uuid4(), uuid4()
    await hear(spoken(REQUEST, case_id, a_request(authority_id=late)))
    assert (await row_of(case_id)).authority_id is None
    await hear(spoken(topics.ORGANISATION, late, organisation(OrganisationKind.ZONE, "高新区教育局", tree.city)))
    assert (await row_of(case_id)).authority_id == late


async def test_a_case_of_a_school_that_is_not_known_is_completed_when_the_school_arrives(
    tree: Province, a_request: Any, hear: Any, row_of: Any
) -> None:
    case_id, school = uuid4(), uuid4()
    await hear(spoken(REQUEST, case_id, a_request(school_id=school, authority_id=None)))
    before = await row_of(case_id)
    assert (before.authority_id, before.state) == (None, "open")
    await hear(
        spoken(
            topics.ORGANISATION,
            school,
            organisation(OrganisationKind.SCHOOL, "长丰县新建小学", tree.county, link(tree.county)),
        )
    )
    after = await row_of(case_id)
    assert after.authority_id == tree.county
    assert after.deadline == now().date() + timedelta(days=30)


async def test_requests_may_come_before_everything_else(
    hear: Any, a_request: Any, row_of: Any, places: Any, organisations: Any
) -> None:
    named, unnamed = uuid4(), uuid4()
    await hear(spoken(REQUEST, named, a_request()), spoken(REQUEST, unnamed, a_request(authority_id=None)))
    assert [(await row_of(each)).authority_id for each in (named, unnamed)] == [None, None]
    # Children before their parents.
    for name in ("school", "county", "city", "province"):
        await hear(spoken(topics.ORGANISATION, places[name], organisations[name]))
    assert [(await row_of(each)).authority_id for each in (named, unnamed)] == [places["county"]] * 2


async def test_a_link_that_begins_later_is_found_by_the_timer(
    database: Database, tree: Province, a_request: Any, hear: Any, row_of: Any
) -> None:
    case_id, school = uuid4(), uuid4()
    tomorrow = now().date() + timedelta(days=1)
    begins = organisation(OrganisationKind.SCHOOL, "长丰县新建小学", tree.county, link(tree.county, tomorrow))
    await hear(spoken(topics.ORGANISATION, school, begins))
    await hear(spoken(REQUEST, case_id, a_request(school_id=school, authority_id=None)))
    async with database.transaction() as tx:
        assert await commands.route_waiting(tx) == 0
    async with database.transaction() as tx:
        tx.now += timedelta(days=1)
        assert await commands.route_waiting(tx) == 1
    assert (await row_of(case_id)).authority_id == tree.county


async def test_a_case_stays_with_its_authority_when_the_school_is_handed_over(
    tree: Province, a_case: Any, hear: Any, row_of: Any, organisations: Any
) -> None:
    case_id = await a_case()
    handed_over = organisations["school"].model_copy(update={"authorities": (link(tree.city),)})
    await hear(spoken(topics.ORGANISATION, tree.school, handed_over, version=2))
    assert (await row_of(case_id)).authority_id == tree.county


async def test_an_extension_and_holidays_move_the_deadlines_of_open_cases(
    tree: Province, a_request: Any, hear: Any, row_of: Any
) -> None:
    case_id = uuid4()
    await hear(spoken(REQUEST, case_id, a_request(submitted_at=at(2026, 9, 21, 10, 0))))
    extended = calendar(until=date(2026, 10, 31), holidays=(date(2026, 10, 1),))
    await hear(spoken(topics.CALENDAR, tree.province, extended, version=2))
    assert (await row_of(case_id)).deadline == date(2026, 10, 31)
    # Ten working days after Monday 21 September, with 1 to 7 October free and Saturday 10 October worked.
    days_off = tuple(date(2026, 10, day) for day in range(1, 8))
    short = calendar(holidays=days_off, working_weekends=(date(2026, 10, 10),))
    await hear(spoken(topics.CALENDAR, tree.province, short, version=3))
    assert (await row_of(case_id)).deadline == date(2026, 10, 10)


async def test_an_extension_of_one_school_moves_its_cases_alone(
    tree: Province, a_request: Any, hear: Any, row_of: Any
) -> None:
    own, other = uuid4(), uuid4()
    in_september = at(2026, 9, 1, 9, 0)
    await hear(spoken(topics.CALENDAR, tree.province, calendar(), version=2))
    elsewhere = a_request(school_id=tree.other_school, authority_id=tree.other_county, submitted_at=in_september)
    await hear(spoken(REQUEST, own, a_request(submitted_at=in_september)), spoken(REQUEST, other, elsewhere))
    await hear(spoken(topics.CALENDAR, tree.school, calendar(until=date(2026, 10, 15))))
    assert (await row_of(own)).deadline == date(2026, 10, 15)
    assert (await row_of(other)).deadline == date(2026, 9, 30)


async def test_a_new_school_year_does_not_move_the_deadlines_of_the_old(
    tree: Province, a_request: Any, hear: Any, row_of: Any
) -> None:
    case_id = uuid4()
    await hear(spoken(topics.CALENDAR, tree.province, calendar(), version=2))
    await hear(spoken(REQUEST, case_id, a_request(submitted_at=at(2026, 9, 1, 9, 0))))
    await hear(spoken(topics.CALENDAR, tree.province, calendar(date(2027, 9, 30), year=2027), version=3))
    assert (await row_of(case_id)).deadline == date(2026, 9, 30)


async def test_the_day_of_submission_is_the_day_in_china(
    tree: Province, a_request: Any, hear: Any, row_of: Any
) -> None:
    case_id = uuid4()
    await hear(spoken(REQUEST, case_id, a_request(submitted_at=datetime(2026, 9, 11, 17, 0, tzinfo=UTC))))
    assert (await row_of(case_id)).submitted_on == date(2026, 9, 12)


async def test_what_is_no_request_is_parked_and_the_others_go_on(
    tree: Province, a_request: Any, hear: Any, row_of: Any
) -> None:
    good, bad = uuid4(), uuid4()
    broken = spoken(REQUEST, bad, a_request(), body=b'{"kind": "enrolment"}')
    assert await hear(broken, spoken(REQUEST, good, a_request())) == ["parked", "applied"]
    assert (await row_of(good)).state == "open"
