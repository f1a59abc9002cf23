"""A batch of records in, answers out: judge what is new, say again what was said, park what cannot be read."""

import json
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from pydantic import ValidationError

from contracts.sync import NationalRecord, Operation
from nation.judging import NOTES, Judge, Judgement, Known, number_for
from nation.settings import NationSettings
from nation.store import Answer, Key, Memory, Store
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
    document: str | None
    """Keyed hash of the pupil's document."""


class Desk:
    """Judges batches and remembers the judgements before anything is answered. Used by one thread at a time."""

    def __init__(self, settings: NationSettings, store: Store, records: Keys, receipts: Keys) -> None:
        self._settings = settings
        self._store = store
        self._records = records
        self._receipts = receipts
        self._judge = Judge(settings)
        self._chance = random.Random(settings.seed)
        self._encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

    def work(self, batch: Iterable[Record]) -> list[Answer]:
        """The answers to send now; when it returns, every judgement is durable, and so are later answers."""
        parked = []
        asked = []
        for each in batch:
            try:
                asked.append(self._read(each))
            except Unreadable as error:
                parked.append((each.partition, each.offset, str(error), self._records.keep(each.value or b"")))
        documents = {one.document for one in asked if one.document is not None}
        memory = self._store.recall({one.student for one in asked}, documents)
        memory.parked = parked
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        answers = [answer for one in asked for answer in self._answer(one, memory, moment)]
        now, later = self._spread(answers)
        self._store.keep(memory, later)
        return now

    def _read(self, each: Record) -> _Asked:
        headers = dict(each.headers)
        try:
            student = str(UUID((each.key or b"").decode("ascii")))
            epoch, version = int(headers["ce_epoch"]), int(headers["ce_sequence"])
        except (KeyError, ValueError) as error:
            raise Unreadable("key, ce_epoch or ce_sequence is missing or wrong") from error
        if each.value is None:
            return _Asked(student, epoch, version, None, None)
        body = self._records.open(student, epoch, version, each.value)
        try:
            record = NationalRecord.__pydantic_validator__.validate_json(body, extra="ignore")
        except ValidationError as error:
            raise Unreadable("the body is no NationalRecord") from error
        number = record.fields.get("sfzjh")
        document = self._records.blind(f"{record.fields.get('sfzjlxm')} {number}") if number else None
        return _Asked(student, epoch, version, record, document)

    def _answer(self, asked: _Asked, memory: Memory, moment: str) -> Iterable[Answer]:
        record = asked.record
        if record is None:
            memory.ended.append(asked.student)
            return ()
        key = (asked.student, asked.epoch, asked.version, record.content_hash)
        judged = memory.judged.get(key)
        if judged is None:
            if memory.newest.get(asked.student, (0, 0)) > (asked.epoch, asked.version):
                return ()  # a newer state holds already: what it replaced is asked by nobody any more
            judged = self._judged(key, asked, record, memory)
        return () if judged.silent else self._receipts_of(key, judged, memory, moment)

    def _judged(self, key: Key, asked: _Asked, record: NationalRecord, memory: Memory) -> Judgement:
        others = memory.holders.get(asked.document, set()) - {asked.student} if asked.document else set()
        known = Known(is_duplicate=bool(others), has_number=asked.student in memory.numbers)
        judgement = self._judge.judge(asked.student, (asked.epoch, asked.version), record, known)
        if judgement.issues_number and not self._issue(asked.student, record, memory):
            judgement = replace(judgement, issues_number=False)
        memory.note(key, record.operation, judgement, time.time())
        if judgement.taken:
            memory.take(key, asked.document, void=record.operation is Operation.VOID)
        return judgement

    def _issue(self, student: str, record: NationalRecord, memory: Memory) -> bool:
        def is_free(number: str) -> bool:
            blind = self._records.blind(number)
            return blind not in memory.issued and self._store.is_free(blind)

        number = number_for(record, is_free)
        if number is not None:
            memory.issue(self._records.blind(number), student, self._records.keep(number.encode()))
        return number is not None

    def _receipts_of(self, key: Key, judgement: Judgement, memory: Memory, moment: str) -> Iterable[Answer]:
        if not judgement.taken:
            rejections = [{"field": column, "reason": reason} for column, reason in judgement.rejections]
            yield self._receipt(key, moment, "RecordRejected", rejections=rejections)
            return
        yield self._receipt(key, moment, "RecordAccepted")
        if judgement.problem is not None:
            yield self._receipt(key, moment, "ProblemFound", problem=judgement.problem, note=NOTES[judgement.problem])
        if judgement.issues_number:
            number = self._records.kept(memory.numbers[key[0]]).decode()
            yield self._receipt(key, moment, "NumberIssued", number=number)

    def _receipt(self, key: Key, moment: str, kind: str, **said: Any) -> Answer:
        """An answer under an id that follows from what it answers, so that the same answer again is the same event."""
        student, epoch, version, content = key
        echo = {"student_id": student, "epoch": epoch, "version": version, "content_hash": content}
        body = self._encode({"echo": echo, "answered_at": moment, **said}).encode()
        name = blake2b(f"{student} {epoch}.{version} {content} {kind}".encode(), digest_size=16).hexdigest()
        return Answer(name, student, kind, moment, self._receipts.seal(student, body))

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
