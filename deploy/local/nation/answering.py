"""A batch of records in, answers out: judge what is new, say again what was said, park what cannot be read."""

import json
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from uuid import NAMESPACE_URL, uuid4, uuid5

from pydantic import ValidationError

from contracts.sync import NationalRecord
from nation.judging import NOTES, Judge, Judgement, Known, number_for
from nation.settings import NationSettings
from nation.store import Answer, Store
from nation.wire import Keys, Unreadable

MOST_REPEATS: Final = 5


class Record(Protocol):
    """What aiokafka gives."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A record with what its headers say."""

    student: str
    epoch: int
    version: int
    record: NationalRecord | None
    """None: the pupil's record has ended."""


class Desk:
    """Judges batches and remembers the judgements before anything is answered. Used by one thread at a time."""

    def __init__(self, settings: NationSettings, store: Store, records: Keys, receipts: Keys) -> None:
        self._settings = settings
        self._store = store
        self._records = records
        self._receipts = receipts
        self._judge = Judge(settings)
        self._chance = random.Random(settings.seed)

    def work(self, batch: Iterable[Record]) -> list[Answer]:
        """The answers to send now; when it returns, every judgement is durable, and so are later answers."""
        answers: list[Answer] = []
        self._store.begin()
        try:
            for each in batch:
                try:
                    asked = self._read(each)
                except Unreadable as error:
                    self._store.park(each.partition, each.offset, str(error), self._records.keep(each.value or b""))
                    continue
                answers += self._answer(asked)
            now, later = self._spread(answers)
            self._store.put_off(later)
            self._store.end()
        except BaseException:
            self._store.give_up()
            raise
        return now

    def _read(self, each: Record) -> _Asked:
        headers = dict(each.headers)
        try:
            student = (each.key or b"").decode("ascii")
            epoch, version = int(headers["ce_epoch"]), int(headers["ce_sequence"])
        except (KeyError, ValueError) as error:
            raise Unreadable("key, ce_epoch or ce_sequence is missing") from error
        if len(student) != 36:
            raise Unreadable("the key is no student id")
        if each.value is None:
            return _Asked(student, epoch, version, None)
        body = self._records.open(student, epoch, version, each.value)
        try:
            record = NationalRecord.__pydantic_validator__.validate_json(body, extra="ignore")
        except ValidationError as error:
            raise Unreadable("the body is no NationalRecord") from error
        return _Asked(student, epoch, version, record)

    def _answer(self, asked: _Asked) -> list[Answer]:
        record = asked.record
        if record is None:
            self._store.end_pupil(asked.student)
            return []
        judged = self._store.judged(asked.student, asked.epoch, asked.version, record.content_hash)
        if judged is None:
            newest = self._store.newest(asked.student)
            if newest is not None and newest > (asked.epoch, asked.version):
                return []  # a newer state holds already; what it replaced is asked by nobody any more
            judged = self._judged(asked, record)
        return [] if judged.silent else list(self._receipts_of(asked, record, judged))

    def _judged(self, asked: _Asked, record: NationalRecord) -> Judgement:
        document = self._document(record)
        known = Known(
            is_duplicate=document is not None and self._store.another_with(document, asked.student),
            has_number=self._store.number_of(asked.student) is not None,
        )
        judgement = self._judge.judge(asked.student, (asked.epoch, asked.version), record, known)
        if judgement.issues_number and not self._issue(asked.student, record):
            judgement = replace(judgement, issues_number=False)
        place = (asked.student, asked.epoch, asked.version, record.content_hash)
        self._store.note(*place, record.operation, judgement, time.time())
        if judgement.taken:
            self._store.take(*place, document, void=record.operation == "void")
        return judgement

    def _document(self, record: NationalRecord) -> bytes | None:
        number = record.fields.get("sfzjh")
        return self._records.blind(f"{record.fields.get('sfzjlxm')} {number}") if number else None

    def _issue(self, student: str, record: NationalRecord) -> bool:
        number = number_for(record, lambda text: self._store.is_free(self._records.blind(text)))
        if number is None:
            return False
        self._store.issue(self._records.blind(number), student, self._records.keep(number.encode()))
        return True

    def _receipts_of(self, asked: _Asked, record: NationalRecord, judgement: Judgement) -> Iterable[Answer]:
        if not judgement.taken:
            rejections = [{"field": column, "reason": reason} for column, reason in judgement.rejections]
            yield self._receipt(asked, record, "RecordRejected", rejections=rejections)
            return
        yield self._receipt(asked, record, "RecordAccepted")
        if judgement.problem is not None:
            note = NOTES[judgement.problem]
            yield self._receipt(asked, record, "ProblemFound", problem=judgement.problem, note=note)
        if judgement.issues_number and (sealed := self._store.number_of(asked.student)):
            yield self._receipt(asked, record, "NumberIssued", number=self._records.kept(sealed).decode())

    def _receipt(self, asked: _Asked, record: NationalRecord, kind: str, **said: Any) -> Answer:
        """An answer under an id that follows from what it answers, so that the same answer again is the same event."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        place = f"{asked.student} {asked.epoch}.{asked.version} {record.content_hash} {kind}"
        body = {
            "echo": {
                "student_id": asked.student,
                "epoch": asked.epoch,
                "version": asked.version,
                "content_hash": record.content_hash,
            },
            "answered_at": moment,
            **said,
        }
        sealed = self._receipts.seal(asked.student, json.dumps(body, ensure_ascii=False).encode())
        return Answer(str(uuid5(NAMESPACE_URL, f"/cn/nation {place}")), asked.student, kind, moment, sealed)

    def _spread(self, answers: list[Answer]) -> tuple[list[Answer], list[Answer]]:
        """What is sent now and what later, as badly behaved as the settings ask for."""
        chance, told = self._chance, self._settings
        if not (told.repeats or told.delays or told.reorders):
            return answers, []
        now: list[Answer] = []
        later: list[Answer] = []
        moment = time.time()
        for answer in answers:
            late = chance.random() < told.delays
            due = moment + chance.random() * told.delay.total_seconds() if late else 0.0
            (later if late else now).append(replace(answer, due_at=due))
            if chance.random() < told.repeats:
                later += [
                    replace(answer, id=str(uuid4()), due_at=moment + chance.random() * told.delay.total_seconds())
                    for _ in range(chance.randint(1, MOST_REPEATS - 1))
                ]
        if told.reorders:
            moved = [at for at in range(len(now)) if chance.random() < told.reorders]
            places = moved[:]
            chance.shuffle(places)
            now = _moved(now, dict(zip(moved, places, strict=True)))
        return now, later


def _moved(answers: list[Answer], places: dict[int, int]) -> list[Answer]:
    return [answers[places.get(at, at)] for at in range(len(answers))]
