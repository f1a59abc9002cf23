"""What could not be applied: looked at, corrected, replayed in order, dropped. Every act leaves an audit entry."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select, text, update

from chassis.consuming import Subscribers
from chassis.consuming.applying import Applying, Attempt
from chassis.consuming.keeping import lock, still_parked
from chassis.consuming.records import Fault, Outcome, Record
from chassis.faults import Verdict, verdict
from chassis.sealing import SealBroken
from chassis.tables import PARKED
from contracts.refusal import NotFound, Refusal
from contracts.topics import Kind

if TYPE_CHECKING:
    from chassis.identity import Actor
    from chassis.transaction import Database, Tx

OPEN = ("parked", "behind")
_COLUMNS = [PARKED.c[name] for name in PARKED.c.keys() if name not in {"raw", "fingerprint"}]  # noqa: SIM118 - no dict


@dataclass(frozen=True, slots=True)
class Parked:
    """A record that is parked, without its content."""

    id: UUID
    topic: str
    partition: int
    offset: int
    subject: UUID | None
    epoch: int | None
    version: int | None
    type: str | None
    reason: str
    detail: str | None
    state: str
    attempts: int
    parked_at: datetime
    settled_at: datetime | None
    settled_by: UUID | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A parked record with its content: it may hold personal data."""

    parked: Parked
    headers: Mapping[str, str]
    body: str | None
    """JSON where it could be read; otherwise what came, with what is no text replaced."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of one record."""

    id: UUID
    outcome: Outcome
    reason: str | None


class NotParked(Refusal):
    """It is settled already."""

    status = 409

    def __init__(self) -> None:
        super().__init__("not-parked", "这条消息已经处理过，无需再次处理。请刷新列表查看最新状态。")


async def list_parked(
    database: "Database", topic: str | None = None, *, settled: bool = False, limit: int = 200
) -> Sequence[Parked]:
    """Open records (or all), those of one topic and subject in the order of their versions."""
    statement = select(*_COLUMNS).order_by(PARKED.c.topic, PARKED.c.subject, PARKED.c.epoch, PARKED.c.version)
    if topic is not None:
        statement = statement.where(PARKED.c.topic == topic)
    if not settled:
        statement = statement.where(PARKED.c.state.in_(OPEN))
    async with database.snapshot() as tx:
        return [_parked(row) for row in await tx.rows(statement.limit(limit))]


async def show(database: "Database", parked_id: UUID, actor: "Actor | None" = None) -> Shown:
    """The record with its content; the look is audited. Raises NotFound."""
    async with database.transaction(actor) as tx:
        row = await _row(tx, parked_id)
        record = _record(database, row)
        tx.note("parked.seen", [("parked", parked_id)])
    headers = {name: value.decode("utf-8", "replace") for name, value in record.headers}
    return Shown(_parked(row), headers, _readable(database, record))


async def correct(database: "Database", parked_id: UUID, body: str, actor: "Actor | None" = None) -> None:
    """Give the record another body (JSON, sealed anew where its topic is sealed); replaying it comes next.

    Its headers stay: what has no readable subject or version can only be dropped. Raises NotFound, NotParked, and
    Refusal `invalid-correction`.
    """
    async with database.transaction(actor) as tx:
        row = await _row(tx, parked_id)
        if row.state not in OPEN:
            raise NotParked
        record = _record(database, row)
        try:
            value = json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":")).encode()
        except ValueError:
            raise Refusal("invalid-correction", "更正后的内容不是有效的JSON。请检查后重新提交。") from None
        if record.envelope is None:
            raise Refusal("invalid-correction", "这条消息的信封无法读取，不能更正，只能删除。")
        if record.topic.sealed:
            order = (0, 0) if record.topic.kind is Kind.FOREIGN else record.envelope.order
            value = database.wire.seal(record.topic.name, record.envelope.subject, *order, value)
        record.value = value
        raw = database.vault.seal(record.to_bytes(), table="parked", column="raw", row=parked_id)
        await tx.execute(update(PARKED).where(PARKED.c.id == parked_id).values(raw=raw))
        tx.note("parked.correct", [("parked", parked_id)])


async def replay(
    database: "Database", subscribers: Subscribers, parked_id: UUID, actor: "Actor | None" = None
) -> Sequence[Replayed]:
    """Try the record and everything parked of its subject again, in order, until one fails.

    It is the path that every record takes: what was applied meanwhile is seen. Raises NotFound, NotParked, and whatever
    is to be tried later.
    """
    async with database.transaction(actor) as tx:
        first = await _row(tx, parked_id)
        if first.state not in OPEN:
            raise NotParked
        rows = await _of_subject(tx, first)
        tx.note("parked.replay", [("parked", row.id) for row in rows])
    applying = Applying(database, subscribers, database.topics[first.topic])
    found: list[Replayed] = []
    for row in rows:
        record = _record(database, row)
        record.parked_id = row.id
        try:
            await applying.apply([record], Attempt(), actor=actor)
        except Exception as error:
            if verdict(error) is Verdict.LATER:
                raise
            record.fault = Fault.of(error)
            await applying.apply([record], Attempt(), drain=False, actor=actor)
        outcome = record.outcome or Outcome.PARKED
        found.append(Replayed(row.id, outcome, record.fault.reason if record.fault else None))
        if outcome is Outcome.PARKED:
            break
    return found


async def drop(
    database: "Database", subscribers: Subscribers, parked_id: UUID, actor: "Actor | None" = None
) -> Sequence[Replayed]:
    """Give the record up; what stays behind it is replayed. Raises NotFound, NotParked."""
    async with database.transaction(actor) as tx:
        row = await _row(tx, parked_id)
        if row.state not in OPEN:
            raise NotParked
        settled = {"state": "dropped", "settled_at": tx.now, "settled_by": actor.account_id if actor else None}
        await tx.execute(update(PARKED).where(PARKED.c.id == parked_id).values(**settled))
        tx.note("parked.drop", [("parked", parked_id)])
        rest = [each for each in await _of_subject(tx, row) if each.id != parked_id]
        await _pass_over(tx, database, row)
    return await replay(database, subscribers, rest[0].id, actor) if rest else []


async def _pass_over(tx: "Tx", database: "Database", row: Any) -> None:
    """The subject's mark moves over a dropped fact, and nothing holds it up any more if nothing else is parked."""
    topic = database.topics[row.topic]
    if row.subject is None or topic.kind is Kind.FOREIGN:
        return
    mark = (await lock(tx, topic, [row.subject])).get(row.subject)
    if mark is None:
        return
    if topic.kind is Kind.FACT and row.version is not None and mark.precedes((row.epoch, row.version)):
        mark.advance(_record(database, row))
    if mark.held == "parked" and not await still_parked(tx, topic, [row.subject], [row.id]):
        mark.held = None
    await tx.execute(
        text(
            "UPDATE watermark SET epoch = :epoch, version = :version, hash = :hash, held = :held"
            " WHERE topic = :topic AND subject = :subject"
        ),
        {
            "epoch": mark.epoch,
            "version": mark.version,
            "hash": mark.hash,
            "held": mark.held,
            "topic": row.topic,
            "subject": row.subject,
        },
    )


async def _row(tx: "Tx", parked_id: UUID) -> Any:
    row = await tx.row(select(PARKED).where(PARKED.c.id == parked_id).with_for_update())
    if row is None:
        raise NotFound("消息")
    return row


async def _of_subject(tx: "Tx", row: Any) -> Sequence[Any]:
    if row.subject is None:
        return [row]
    return await tx.rows(
        select(PARKED)
        .where(PARKED.c.topic == row.topic, PARKED.c.subject == row.subject, PARKED.c.state.in_(OPEN))
        .order_by(PARKED.c.epoch, PARKED.c.version, PARKED.c.parked_at)
    )


def _record(database: "Database", row: Any) -> Record:
    kept = database.vault.open(row.raw, table="parked", column="raw", row=row.id)
    return Record.from_bytes(database.topics[row.topic], kept)


def _parked(row: Any) -> Parked:
    return Parked(**{column.name: getattr(row, column.name) for column in _COLUMNS})


def _readable(database: "Database", record: Record) -> str | None:
    if record.value is None:
        return None
    value = record.value
    if record.topic.sealed and record.envelope is not None:
        order = (0, 0) if record.topic.kind is Kind.FOREIGN else record.envelope.order
        try:
            value = database.wire.open(record.topic.name, record.envelope.subject, *order, value)
        except SealBroken:
            value = record.value
    return value.decode("utf-8", "replace")
