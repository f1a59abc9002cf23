"""Rules of receipts: where a pupil stands with the nation after each answer. No input or output.

Receipts are repeated, late and out of order. What a pupil's standing is follows from the answers to each version, so
the order in which they come decides nothing, save that the first final answer to a version wins over a contradiction.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from contracts.national import NumberIssued, ProblemFound, Receipt, RecordAccepted, RecordRejected
from contracts.record import BLOOD_TYPE, FAMILY_ITEMS, ITEMS
from contracts.sync import OpenProblem, Standing
from contracts.values import ProblemType

MOST_REMEMBERED = 50
"""Versions of a pupil whose answers are told apart; what answers an older one is late."""

LABELS: Mapping[str, str] = {item.national: item.label for item in (*FAMILY_ITEMS, *ITEMS, BLOOD_TYPE) if item.national}
"""National column → the word on the form; where the pupil and a family member share a column, the pupil's."""


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """The version of a record as it was said; a restored backup begins a new epoch."""

    epoch: int
    number: int


class Answer(StrEnum):
    """The final answer to one version."""

    TAKEN = "taken"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Spoken:
    """A version that the nation was told."""

    at: Version
    content_hash: str
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem record 问题学籍 that the nation has opened."""

    kind: ProblemType
    note: str
    found_at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """A field that the nation did not take, in its own column name."""

    column: str
    reason: str

    @property
    def label(self) -> str:
        """The word of the form."""
        return LABELS.get(self.column, self.column)

    @property
    def sentence(self) -> str:
        """For a clerk."""
        return f"{self.label}：{self.reason}"


@dataclass(frozen=True, slots=True)
class Number:
    """The 学籍号 that the nation issued, and with which version. Source: art. 13."""

    value: str
    at: Version


@dataclass(frozen=True, slots=True)
class Pupil:
    """What the nation was told of a pupil and what it has answered."""

    spoken: tuple[Spoken, ...] = ()
    """Oldest first."""
    problems: tuple[Problem, ...] = ()
    """Of the newest version that the nation has taken; taking a newer one closes them."""
    rejections: tuple[Refused, ...] = ()
    """Of the newest version that it has answered, where it was rejected."""
    number: Number | None = None

    @property
    def newest(self) -> Spoken | None:
        """The version that the nation was told last; None before the first."""
        return self.spoken[-1] if self.spoken else None

    @property
    def answered(self) -> Spoken | None:
        """The newest version with a final answer."""
        return next((one for one in reversed(self.spoken) if one.answer is not None), None)

    @property
    def taken(self) -> Spoken | None:
        """The newest version that the nation has taken."""
        return next((one for one in reversed(self.spoken) if one.answer is Answer.TAKEN), None)

    @property
    def standing(self) -> Standing:
        """How the nation has answered what it was last told."""
        answer = self.newest.answer if self.newest else None
        if answer is None:
            return Standing.WAITING
        if answer is Answer.REJECTED:
            return Standing.REJECTED
        return Standing.PROBLEM if self.problems else Standing.ACCEPTED


@dataclass(frozen=True, slots=True)
class Outward:
    """What others are told of a pupil; when it is the same as before, nothing is said."""

    standing: Standing
    accepted_version: int | None
    number: str | None
    problems: tuple[OpenProblem, ...]
    rejections: tuple[str, ...]


def outward(pupil: Pupil) -> Outward:
    """The standing as sync.outcome.v1 tells it."""
    taken = pupil.taken
    return Outward(
        standing=pupil.standing,
        accepted_version=taken.at.number if taken else None,
        number=pupil.number.value if pupil.number else None,
        problems=tuple(
            OpenProblem(problem=one.kind, found_at_version=taken.at.number if taken else 0, note=one.note)
            for one in pupil.problems
        ),
        rejections=tuple(one.sentence for one in pupil.rejections),
    )


def told(pupil: Pupil, at: Version, content_hash: str) -> Pupil:
    """The pupil after another version was said; the nation's last words stand until it answers this one."""
    spoken = (*pupil.spoken, Spoken(at, content_hash))
    kept = (pupil.taken, pupil.answered)
    return replace(
        pupil, spoken=tuple(one for one in spoken[:-MOST_REMEMBERED] if one in kept) + spoken[-MOST_REMEMBERED:]
    )


class Verdict(StrEnum):
    """What a receipt is to us."""

    APPLIED = "applied"
    REPEATED = "repeated"
    """It says what is known."""
    LATE = "late"
    """It answers an older version than those that count, and is only remembered."""
    CONTRADICTION = "contradiction"
    """It denies a final answer: the first one stands, and a person looks at both."""
    UNKNOWN = "unknown"
    """It answers what was never said: another version, or other content under its number."""


@dataclass(frozen=True, slots=True)
class _Effect:
    """What a receipt says of a version that has this answer so far."""

    verdict: Verdict
    answer: Answer | None = None


_TAKEN = _Effect(Verdict.APPLIED, Answer.TAKEN)
_REJECTED = _Effect(Verdict.APPLIED, Answer.REJECTED)
_REPEATED = _Effect(Verdict.REPEATED)
_CONTRADICTION = _Effect(Verdict.CONTRADICTION)
_DETAIL = _Effect(Verdict.APPLIED)
"""The version stays taken; what else the receipt says is looked at."""

TABLE: Mapping[tuple[Answer | None, type[Receipt]], _Effect] = {
    (None, RecordAccepted): _TAKEN,
    (None, RecordRejected): _REJECTED,
    (None, ProblemFound): _TAKEN,
    (None, NumberIssued): _TAKEN,
    (Answer.TAKEN, RecordAccepted): _REPEATED,
    (Answer.TAKEN, RecordRejected): _CONTRADICTION,
    (Answer.TAKEN, ProblemFound): _DETAIL,
    (Answer.TAKEN, NumberIssued): _DETAIL,
    (Answer.REJECTED, RecordAccepted): _CONTRADICTION,
    (Answer.REJECTED, RecordRejected): _REPEATED,
    (Answer.REJECTED, ProblemFound): _CONTRADICTION,
    (Answer.REJECTED, NumberIssued): _CONTRADICTION,
}
"""(final answer so far, what is heard) → what it does. Only a record that was taken gets a problem or a number."""


def after(pupil: Pupil, receipt: Receipt) -> tuple[Pupil, Verdict]:
    """The pupil after a receipt, and what the receipt was. Whatever is not APPLIED or LATE leaves the pupil as it was.

    Answers only move forward: an answer to an older version than those that count changes nothing that is told.
    """
    at = Version(receipt.echo.epoch, receipt.echo.version)
    asked = next((one for one in pupil.spoken if one.at == at), None)
    if asked is None:
        forgotten = len(pupil.spoken) >= MOST_REMEMBERED and at < pupil.spoken[-1].at
        return pupil, Verdict.LATE if forgotten else Verdict.UNKNOWN
    if asked.content_hash != receipt.echo.content_hash:
        return pupil, Verdict.UNKNOWN
    effect = TABLE[asked.answer, type(receipt)]
    if effect.verdict is not Verdict.APPLIED:
        return pupil, effect.verdict
    answered = _answered(pupil, asked, effect.answer) if effect.answer else pupil
    match receipt:
        case RecordRejected():
            return _rejected(answered, at, receipt)
        case ProblemFound():
            return _problem(answered, at, receipt)
        case NumberIssued():
            return _number(answered, at, receipt)
    return answered, Verdict.APPLIED if answered.taken != pupil.taken else Verdict.LATE


def _answered(pupil: Pupil, asked: Spoken, answer: Answer) -> Pupil:
    """The pupil with a final answer to one version, and without the words that it makes obsolete."""
    known = tuple(replace(one, answer=answer) if one is asked else one for one in pupil.spoken)
    changed = replace(pupil, spoken=known)
    if changed.taken != pupil.taken:
        changed = replace(changed, problems=())
    if changed.answered != pupil.answered:
        changed = replace(changed, rejections=())
    return changed


def _rejected(pupil: Pupil, at: Version, receipt: RecordRejected) -> tuple[Pupil, Verdict]:
    if pupil.answered is None or pupil.answered.at != at:
        return pupil, Verdict.LATE
    reasons = tuple(Refused(one.field, one.reason) for one in receipt.rejections)
    return replace(pupil, rejections=reasons), Verdict.APPLIED


def _problem(pupil: Pupil, at: Version, receipt: ProblemFound) -> tuple[Pupil, Verdict]:
    if pupil.taken is None or pupil.taken.at != at:
        return pupil, Verdict.LATE
    if any((one.kind, one.note) == (receipt.problem, receipt.note) for one in pupil.problems):
        return pupil, Verdict.REPEATED
    found = Problem(receipt.problem, receipt.note, receipt.answered_at)
    problems = sorted((*pupil.problems, found), key=lambda one: (one.kind, one.note))
    return replace(pupil, problems=tuple(problems)), Verdict.APPLIED


def _number(pupil: Pupil, at: Version, receipt: NumberIssued) -> tuple[Pupil, Verdict]:
    """A number is for the pupil and not for the version: a late one counts unless a newer version brought another."""
    known = pupil.number
    if known is None or known.at < at:
        return replace(pupil, number=Number(receipt.number, at)), Verdict.APPLIED
    if known.at > at:
        return pupil, Verdict.LATE
    return pupil, Verdict.REPEATED if known.value == receipt.number else Verdict.CONTRADICTION
