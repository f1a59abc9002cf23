"""What the nation says. Foreign: repeated, late and disordered answers are normal."""

from datetime import datetime
from uuid import UUID

from contracts.event import Event, Words
from contracts.values import ProblemType


class Echo(Words):
    """Which record is answered."""

    student_id: UUID
    epoch: int
    version: int
    content_hash: str


class Receipt(Event):
    """An answer to one version of one record."""

    echo: Echo
    answered_at: datetime


class RecordAccepted(Receipt):
    """The nation has taken the record."""


class Rejection(Words):
    """A field, in national names, that the nation refuses."""

    field: str
    reason: str


class RecordRejected(Receipt):
    """The nation has not taken the record."""

    rejections: tuple[Rejection, ...]


class ProblemFound(Receipt):
    """The nation has taken the record and opens a problem record 问题学籍 on it."""

    problem: ProblemType
    note: str = ""


class NumberIssued(Receipt):
    """The nation confirms or replaces the 学籍号. Source: art. 13."""

    number: str
