"""Rules of receipts as tables of cases, and the promise that order and repeats decide nothing."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.national import (
    Echo,
    NumberIssued,
    ProblemFound,
    Receipt,
    RecordAccepted,
    RecordRejected,
    Rejection,
)
from contracts.sync import OpenProblem, Standing
from contracts.values import ProblemType
from sync.domain import MOST_REMEMBERED, Pupil, Verdict, Version, after, outward, told

STUDENT = UUID(int=7)
MOMENT = datetime(2026, 9, 21, 8, 0, tzinfo=UTC)


def of(version: int, epoch: int = 1, content: str | None = None) -> Echo:
    return Echo(student_id=STUDENT, epoch=epoch, version=version, content_hash=content or f"hash{version}")


def accepted(version: int, **changes: object) -> RecordAccepted:
    return RecordAccepted(echo=of(version), answered_at=MOMENT).model_copy(update=changes)


def rejected(version: int) -> RecordRejected:
    return RecordRejected(
        echo=of(version), answered_at=MOMENT, rejections=(Rejection(field="jtzz", reason="不能为空"),)
    )


def problem(version: int, kind: ProblemType = ProblemType.NAME_MISMATCH) -> ProblemFound:
    return ProblemFound(echo=of(version), answered_at=MOMENT, problem=kind, note="不一致")


def number(version: int, value: str = "G1") -> NumberIssued:
    return NumberIssued(echo=of(version), answered_at=MOMENT, number=value)


def a_pupil(versions: int) -> Pupil:
    pupil = Pupil()
    for version in range(1, versions + 1):
        pupil = told(pupil, Version(1, version), f"hash{version}")
    return pupil


def heard(pupil: Pupil, *receipts: Receipt) -> tuple[Pupil, list[Verdict]]:
    verdicts = []
    for receipt in receipts:
        pupil, verdict = after(pupil, receipt)
        verdicts.append(verdict)
    return pupil, verdicts


APPLIED, REPEATED, LATE = Verdict.APPLIED, Verdict.REPEATED, Verdict.LATE
CONTRADICTION, UNKNOWN = Verdict.CONTRADICTION, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("versions", "receipts", "verdicts", "standing", "accepted_version"),
    [
        (1, [], [], "waiting", None),
        (1, [accepted(1)], [APPLIED], "accepted", 1),
        (1, [accepted(1), accepted(1)], [APPLIED, REPEATED], "accepted", 1),
        (1, [rejected(1)], [APPLIED], "rejected", None),
        (1, [problem(1)], [APPLIED], "problem", 1),
        (1, [accepted(1), problem(1)], [APPLIED, APPLIED], "problem", 1),
        (1, [problem(1), accepted(1)], [APPLIED, REPEATED], "problem", 1),
        (1, [number(1)], [APPLIED], "accepted", 1),
        (1, [accepted(1), rejected(1)], [APPLIED, CONTRADICTION], "accepted", 1),
        (1, [rejected(1), accepted(1)], [APPLIED, CONTRADICTION], "rejected", None),
        (1, [rejected(1), problem(1), number(1)], [APPLIED, CONTRADICTION, CONTRADICTION], "rejected", None),
        (1, [accepted(2)], [UNKNOWN], "waiting", None),
        (2, [accepted(1)], [APPLIED], "waiting", 1),
        (2, [accepted(2), accepted(1)], [APPLIED, LATE], "accepted", 2),
        (2, [accepted(2), rejected(1)], [APPLIED, LATE], "accepted", 2),
        (2, [accepted(2), problem(1)], [APPLIED, LATE], "accepted", 2),
        (2, [problem(1), accepted(2)], [APPLIED, APPLIED], "accepted", 2),
        (2, [problem(1), rejected(2)], [APPLIED, APPLIED], "rejected", 1),
        (2, [rejected(2), accepted(1)], [APPLIED, APPLIED], "rejected", 1),
        (2, [rejected(1), accepted(2)], [APPLIED, APPLIED], "accepted", 2),
        (3, [rejected(3), accepted(2), problem(1)], [APPLIED, APPLIED, LATE], "rejected", 2),
    ],
)
def test_standing_follows_the_answers(
    versions: int, receipts: list[Receipt], verdicts: list[Verdict], standing: str, accepted_version: int | None
) -> None:
    pupil, found = heard(a_pupil(versions), *receipts)
    assert found == verdicts
    assert (pupil.standing, outward(pupil).accepted_version) == (Standing(standing), accepted_version)


def test_a_record_of_other_content_under_the_same_version_is_unknown() -> None:
    foreign = RecordAccepted(echo=of(1, content="other"), answered_at=MOMENT)
    assert heard(a_pupil(1), foreign)[1] == [UNKNOWN]
    assert heard(a_pupil(1), RecordAccepted(echo=of(1, epoch=2), answered_at=MOMENT))[1] == [UNKNOWN]


def test_a_version_of_a_newer_epoch_is_newer_whatever_its_number() -> None:
    pupil = told(a_pupil(5), Version(2, 4), "restored")
    pupil, _ = heard(pupil, RecordAccepted(echo=of(4, epoch=2, content="restored"), answered_at=MOMENT))
    pupil, verdicts = heard(pupil, rejected(5))
    assert verdicts == [LATE]
    assert pupil.standing is Standing.ACCEPTED


def test_what_is_told_of_problems_and_rejections() -> None:
    pupil, _ = heard(a_pupil(2), problem(1), problem(1, ProblemType.DUPLICATE_NUMBER), rejected(2))
    said = outward(pupil)
    assert said.problems == (
        OpenProblem(problem=ProblemType.DUPLICATE_NUMBER, found_at_version=1, note="不一致"),
        OpenProblem(problem=ProblemType.NAME_MISMATCH, found_at_version=1, note="不一致"),
    )
    assert said.rejections == ("家庭地址：不能为空",)


def test_taking_a_newer_version_closes_the_problems_and_rejections_of_older_ones() -> None:
    pupil, _ = heard(a_pupil(3), problem(1), rejected(2), accepted(3))
    assert outward(pupil).problems == ()
    assert outward(pupil).rejections == ()


@pytest.mark.parametrize(
    ("receipts", "verdicts", "value"),
    [
        ([number(1, "G1")], [APPLIED], "G1"),
        ([number(1, "G1"), number(1, "G1")], [APPLIED, REPEATED], "G1"),
        ([number(1, "G1"), number(1, "G2")], [APPLIED, CONTRADICTION], "G1"),
        ([number(1, "J1"), number(2, "G2")], [APPLIED, APPLIED], "G2"),
        ([number(2, "G2"), number(1, "J1")], [APPLIED, LATE], "G2"),
        ([accepted(2), number(1, "G1")], [APPLIED, APPLIED], "G1"),
    ],
)
def test_a_number_is_for_life_and_only_a_newer_version_brings_another(
    receipts: list[Receipt], verdicts: list[Verdict], value: str
) -> None:
    pupil, found = heard(a_pupil(2), *receipts)
    assert found == verdicts
    assert outward(pupil).number == value


def test_a_pupil_who_is_told_of_again_waits_and_keeps_what_the_nation_said() -> None:
    pupil, _ = heard(a_pupil(1), problem(1), number(1))
    pupil = told(pupil, Version(1, 2), "hash2")
    said = outward(pupil)
    assert (said.standing, said.accepted_version, said.number) == (Standing.WAITING, 1, "G1")
    assert len(said.problems) == 1


def test_a_long_silence_forgets_old_versions_but_not_what_was_taken() -> None:
    pupil, _ = heard(a_pupil(1), accepted(1))
    for version in range(2, MOST_REMEMBERED + 10):
        pupil = told(pupil, Version(1, version), f"hash{version}")
    assert outward(pupil).accepted_version == 1
    assert heard(pupil, rejected(3))[1] == [LATE]
    assert heard(pupil, accepted(MOST_REMEMBERED + 9))[0].standing is Standing.ACCEPTED


@st.composite
def truthful_receipts(draw: st.DrawFn) -> list[Receipt]:
    """What a nation may say of three versions without contradicting itself, in the order in which it says it."""
    said: list[Receipt] = []
    for version in (1, 2, 3):
        answer = draw(st.sampled_from(["taken", "rejected", "silent"]))
        if answer == "rejected":
            said.append(rejected(version))
        if answer == "taken":
            said.append(accepted(version))
            said += draw(st.lists(st.sampled_from([problem(version), problem(version, ProblemType.NUMBER_UNKNOWN)])))
            if draw(st.booleans()):
                said.append(number(version, f"G{version}"))
    return said


@given(truthful_receipts(), st.data())
def test_order_and_repeats_of_receipts_decide_nothing(said: list[Receipt], data: st.DataObject) -> None:
    in_order, _ = heard(a_pupil(3), *said)
    repeated = said + data.draw(st.lists(st.sampled_from(said), max_size=8) if said else st.just([]))
    shuffled, verdicts = heard(a_pupil(3), *data.draw(st.permutations(repeated)))
    assert shuffled == in_order
    assert not {CONTRADICTION, UNKNOWN} & set(verdicts)


@given(st.lists(st.sampled_from([f(v) for f in (accepted, rejected, problem, number) for v in (1, 2, 3)]), max_size=20))
def test_answers_only_move_forward_whatever_the_nation_says(receipts: list[Receipt]) -> None:
    pupil = a_pupil(3)
    for receipt in receipts:
        following, _ = after(pupil, receipt)
        before, now = pupil.taken, following.taken
        assert before is None or (now is not None and now.at >= before.at)
        answered = {one.at: one.answer for one in pupil.spoken if one.answer}
        assert answered.items() <= {one.at: one.answer for one in following.spoken}.items()
        pupil = following
