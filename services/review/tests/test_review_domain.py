"""Rules of review as tables of cases."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.identity.copies import CalendarCopy
from contracts.record import BY_FIELD, FAMILY_BY_FIELD
from contracts.refusal import Refusal
from contracts.review import Reason, RequestApproved, RequestRejected, RequestReturned, StepDecided
from contracts.values import RequestKind, check_digit
from review import domain
from review.domain import Case, Outcome, Party, Reviewer, State, Step
from services.review.tests.province import HASH, at, calendar

COUNTY, CITY, OTHER = uuid4(), uuid4(), uuid4()
LIU, WANG = uuid4(), uuid4()
NOW = at(2026, 9, 14, 10, 30)


def a_case(**changes: object) -> Case:
    """An open case at the county, submitted by Liu."""
    case = Case(
        id=uuid4(),
        kind=RequestKind.ENROLMENT,
        student_id=uuid4(),
        content_hash=HASH,
        submitted_by=LIU,
        authority_id=COUNTY,
        authority_name="长丰县教育局",
    )
    return case._replace(**changes)  # type: ignore[arg-type]  # a test names the fields


def a_reviewer(person: UUID = WANG, organisation: UUID = COUNTY, *, decides: bool = True) -> Reviewer:
    return Reviewer(person, organisation, decides)


@contextmanager
def refused(code: str) -> Iterator[Refusal]:
    with pytest.raises(Refusal) as caught:
        yield  # type: ignore[misc]  # the refusal exists only afterwards
    assert caught.value.code == code


decided = {"state": State.DECIDED, "outcome": Outcome.RETURNED, "decided_by": "长丰县教育局", "closed_at": NOW}


@pytest.mark.parametrize(
    ("case", "reviewer", "code"),
    [
        (a_case(), a_reviewer(), None),
        (a_case(), a_reviewer(LIU), "own-submission"),
        (a_case(), a_reviewer(organisation=OTHER), "not-your-case"),
        (a_case(), a_reviewer(organisation=CITY), "not-your-case"),
        (a_case(escalated_to=CITY), a_reviewer(organisation=CITY), None),
        (a_case(escalated_to=CITY), a_reviewer(), None),
        (a_case(escalated_to=CITY), a_reviewer(LIU, CITY), "own-submission"),
        (a_case(escalated_to=CITY), a_reviewer(organisation=OTHER), "not-your-case"),
        (a_case(authority_id=None), a_reviewer(), "not-routed"),
        (a_case(), a_reviewer(decides=False), "not-allowed"),
        (a_case(**decided), a_reviewer(), "already-decided"),
        (a_case(**decided), a_reviewer(LIU), "already-decided"),
        (a_case(state=State.WITHDRAWN, closed_at=NOW), a_reviewer(), "request-withdrawn"),
    ],
)
def test_who_may_decide(case: Case, reviewer: Reviewer, code: str | None) -> None:
    refusal = domain.obstacle(case, reviewer)
    assert (refusal.code if refusal else None) == code
    reasons = [Reason(code="photo-unfit", field="photo")]
    if refusal is None:
        assert domain.approve(case, reviewer, HASH, NOW)[0].state is State.DECIDED
        return
    for decide in (
        lambda: domain.approve(case, reviewer, HASH, NOW),
        lambda: domain.send_back(case, reviewer, HASH, reasons, NOW),
        lambda: domain.reject(case, reviewer, HASH, reasons, NOW),
    ):
        with refused(refusal.code):
            decide()


def test_the_second_reviewer_is_told_which_organisation_decided_and_when_and_no_name() -> None:
    refusal = domain.obstacle(a_case(**decided), a_reviewer())
    assert refusal is not None
    assert refusal.sentence == (
        "该申请已由长丰县教育局于2026年09月14日 10:30审核（退回修改），不能重复审核。请刷新列表，办理下一件。"
    )
    assert refusal.members == {"organisation": "长丰县教育局", "decided_at": "2026-09-14T10:30:00+08:00"}


def test_another_content_than_the_one_seen_is_not_decided() -> None:
    with refused("content-changed"):
        domain.approve(a_case(), a_reviewer(), "d" * 64, NOW)


def test_what_a_decision_says() -> None:
    case, reasons = a_case(), (Reason(code="photo-unfit", field="photo"),)
    closed, approved = domain.approve(case, a_reviewer(), HASH, NOW)
    assert (closed.state, closed.outcome, closed.closed_at) == (State.DECIDED, Outcome.APPROVED, NOW)
    assert approved == RequestApproved(student_id=case.student_id, content_hash=HASH, decided_by=WANG, decided_at=NOW)
    closed, returned = domain.send_back(case, a_reviewer(), HASH, reasons, NOW)
    assert (closed.outcome, type(returned), returned.reasons) == (Outcome.RETURNED, RequestReturned, reasons)
    closed, rejected = domain.reject(case, a_reviewer(), HASH, reasons, NOW)
    assert (closed.outcome, type(rejected), rejected.reasons) == (Outcome.REJECTED, RequestRejected, reasons)


def test_a_route_of_two_steps_is_walked_step_by_step() -> None:
    route = (Step(Party.SCHOOL_AUTHORITY), Step(Party.SCHOOL_AUTHORITY))
    onward, said = domain.approve(a_case(escalated_to=CITY, escalated_at=NOW), a_reviewer(), HASH, NOW, route)
    assert isinstance(said, StepDecided)
    assert said.step == 1
    assert (onward.state, onward.step, onward.authority_id, onward.outcome) == (State.OPEN, 2, None, None)
    assert (onward.escalated_to, onward.escalated_at) == (None, None)
    there = onward._replace(authority_id=CITY)
    closed, final = domain.approve(there, a_reviewer(organisation=CITY), HASH, NOW, route)
    assert isinstance(final, RequestApproved)
    assert closed.state is State.DECIDED


def test_enrolment_has_one_step_at_the_schools_authority() -> None:
    assert domain.ROUTES[RequestKind.ENROLMENT] == (Step(Party.SCHOOL_AUTHORITY),)
    assert set(domain.ROUTES) == set(RequestKind) == set(domain.KIND_NAMES)


def test_a_withdrawal_closes_an_open_case_and_says_nothing_of_a_closed_one() -> None:
    done = domain.withdraw(a_case(authority_id=None), NOW)
    assert done is not None
    case, said = done
    assert (case.state, case.closed_at, said.content_hash) == (State.WITHDRAWN, NOW, HASH)
    assert domain.withdraw(a_case(**decided), NOW) is None
    assert domain.withdraw(case, NOW) is None


@pytest.mark.parametrize(
    ("case", "reviewer", "to", "anywhere", "code"),
    [
        (a_case(), a_reviewer(), CITY, False, None),
        (a_case(), a_reviewer(LIU), CITY, False, None),
        (a_case(), a_reviewer(), COUNTY, False, "same-authority"),
        (a_case(), a_reviewer(organisation=OTHER), OTHER, False, "not-your-case"),
        (a_case(escalated_to=CITY), a_reviewer(organisation=CITY), OTHER, False, None),
        (a_case(), a_reviewer(organisation=OTHER), CITY, True, None),
        (a_case(authority_id=None), a_reviewer(), COUNTY, False, "not-routed"),
        (a_case(authority_id=None), a_reviewer(organisation=OTHER), COUNTY, True, None),
        (a_case(**decided), a_reviewer(organisation=OTHER), CITY, True, "already-decided"),
        (a_case(state=State.WITHDRAWN, closed_at=NOW), a_reviewer(), CITY, False, "request-withdrawn"),
    ],
)
def test_who_may_hand_a_case_to_whom(
    case: Case, reviewer: Reviewer, to: UUID, anywhere: bool, code: str | None
) -> None:
    if code is None:
        domain.require_reroutable(case, reviewer, to, anywhere=anywhere)
        return
    with refused(code):
        domain.require_reroutable(case, reviewer, to, anywhere=anywhere)


def copy_of(said: object) -> CalendarCopy:
    return CalendarCopy.of(said.model_dump(mode="json"))  # type: ignore[attr-defined]  # an event of the contracts


MID_AUTUMN = tuple(date(2026, 9, day) for day in (25, 26, 27))
NATIONAL = tuple(date(2026, 10, day) for day in range(1, 8))


@pytest.mark.parametrize(
    ("heard", "submitted", "expected"),
    [
        (calendar(), date(2026, 9, 1), date(2026, 9, 30)),
        # Ten working days after Wednesday the 16th end on Wednesday the 30th; after the 17th on Thursday 1 October.
        (calendar(), date(2026, 9, 16), date(2026, 9, 30)),
        (calendar(), date(2026, 9, 17), date(2026, 10, 1)),
        # The last day: 1 to 7 October are free, Saturday the 10th is worked; the 10th working day is the 20th.
        (calendar(holidays=NATIONAL, working_weekends=(date(2026, 10, 10),)), date(2026, 9, 30), date(2026, 10, 20)),
        (calendar(holidays=MID_AUTUMN), date(2026, 9, 18), date(2026, 10, 5)),
        (calendar(until=date(2026, 10, 31)), date(2026, 9, 1), date(2026, 10, 31)),
        (calendar(until=date(2026, 10, 10)), date(2026, 10, 9), date(2026, 10, 23)),
        # Another school year, or no calendar: 30 September of the year of the request.
        (calendar(date(2027, 9, 30), year=2027), date(2026, 9, 1), date(2026, 9, 30)),
    ],
)
def test_a_deadline_is_the_close_of_entry_and_ten_working_days_at_least(
    heard: object, submitted: date, expected: date
) -> None:
    assert domain.deadline(copy_of(heard), 2026, submitted) == expected


@given(st.dates(date(2026, 8, 1), date(2026, 12, 31)), st.integers(0, 20))
def test_a_deadline_never_comes_earlier_with_a_later_submission_or_a_holiday(day: date, later: int) -> None:
    plain, with_holidays = copy_of(calendar()), copy_of(calendar(holidays=NATIONAL))
    first = domain.deadline(plain, 2026, day)
    assert first >= date(2026, 9, 30)
    assert first >= day + timedelta(days=12)
    assert domain.deadline(plain, 2026, day + timedelta(days=later)) >= first
    assert domain.deadline(with_holidays, 2026, day) >= first


RETURNED, REJECTED = Outcome.RETURNED, Outcome.REJECTED


@pytest.mark.parametrize(
    ("reason", "outcome", "code"),
    [
        (Reason(code="photo-unfit"), RETURNED, None),
        (Reason(code="photo-unfit", field="photo", text=" 背景不是淡蓝色 "), RETURNED, None),
        (Reason(code="document-differs", field="document_number"), RETURNED, None),
        (Reason(code="guardian-wrong", field="family.1.phone"), RETURNED, None),
        (Reason(code="evidence-missing", field="orphan"), RETURNED, None),
        (Reason(code="evidence-missing", field="family.0.document_number"), RETURNED, None),
        (Reason(code="evidence-missing", field="photo"), RETURNED, "field-not-of-reason"),
        (Reason(code="other", field="photo", text="请重新拍摄"), RETURNED, None),
        (Reason(code="other", text="请核实"), REJECTED, None),
        (Reason(code="other"), RETURNED, "text-missing"),
        (Reason(code="other", text="   "), RETURNED, "text-missing"),
        (Reason(code="no-such-reason"), RETURNED, "reason-unknown"),
        (Reason(code="photo-unfit"), REJECTED, "reason-not-fitting"),
        (Reason(code="already-enrolled"), RETURNED, "reason-not-fitting"),
        (Reason(code="already-enrolled"), REJECTED, None),
        (Reason(code="already-enrolled", field="name"), REJECTED, "field-not-of-reason"),
        (Reason(code="photo-unfit", field="name"), RETURNED, "field-not-of-reason"),
        (Reason(code="photo-unfit", field="no_such_field"), RETURNED, "field-unknown"),
        (Reason(code="guardian-wrong", field="family.0.no_such_field"), RETURNED, "field-unknown"),
        (Reason(code="guardian-wrong", field="family.x.phone"), RETURNED, "field-unknown"),
        (Reason(code="photo-unfit", text="长" * 200), RETURNED, None),
        (Reason(code="photo-unfit", text="长" * 201), RETURNED, "text-too-long"),
    ],
)
def test_reasons(reason: Reason, outcome: Outcome, code: str | None) -> None:
    if code is None:
        assert domain.check_reasons([reason], outcome) == (reason.model_copy(update={"text": reason.text.strip()}),)
        return
    with refused(code):
        domain.check_reasons([reason], outcome)


def test_without_a_reason_nothing_is_sent_back_and_the_same_reason_counts_once() -> None:
    with refused("reasons-missing"):
        domain.check_reasons([], RETURNED)
    twice = [Reason(code="photo-unfit", field="photo"), Reason(code="photo-unfit", field="photo")]
    assert len(domain.check_reasons(twice, RETURNED)) == 1


def test_every_reason_has_words_and_fields_that_the_form_knows() -> None:
    for reason in domain.REASONS.values():
        assert reason.words
        assert reason.outcomes <= {RETURNED, REJECTED}
        assert all(field == "*" or domain.label_of(field) for field in reason.fields)
    assert domain.label_of("document_number") == "身份证件号"
    assert domain.label_of("family.0.phone") == "成员1联系电话"
    assert {domain.label_of(field) for field in BY_FIELD} >= {"姓名", "民族"}
    assert all(domain.label_of(f"family.1.{field}") for field in FAMILY_BY_FIELD)


ID = "99999920190314" + "001"
ID += check_digit(ID)


@pytest.mark.parametrize(
    "text",
    [
        f"应为{ID}",
        f"应为{ID[:17]}X",
        f"应为{ID[:6]} {ID[6:14]} {ID[14:]}",
        f"学籍号G{ID}",
        "".join(chr(ord(each) + 0xFEE0) for each in ID),
        "\u200b".join(ID),
        "家长电话13812345678",
        "家长电话138 1234 5678",
        "家长电话138-1234-5678，请核实",
        "家长电话+8613812345678",
        "家长电话１３８１２３４５６７８",
        "旧证号999999190314001",
    ],
)
def test_a_persons_number_in_the_words_is_refused(text: str) -> None:
    with refused("personal-data-in-text"):
        domain.check_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "与户口簿不一致，请更正",
        "见皖教基〔2026〕12号文件，2026年9月1日至2026年9月30日",
        "出生日期应为2019-03-14",
        "学校标识码2134000001有误",
        "第3页，第12行；电话请补全11位",
        "𠮷·买买提",
        "",
    ],
)
def test_other_words_are_kept_as_typed(text: str) -> None:
    assert domain.check_text(text) == text


@given(st.text(max_size=60), st.text(max_size=60))
def test_an_id_is_found_between_any_words(before: str, after: str) -> None:
    with pytest.raises(Refusal):
        domain.check_text(f"{before}，{ID}，{after}")
