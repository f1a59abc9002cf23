"""Decisions over HTTP, and what a reviewer does with a case short of deciding it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from chassis.http import Actor, allow, idempotent
from chassis.transaction import Tx
from contracts import review as words
from review import commands, queries
from review.api.shown import DECIDING, Case, Db, Key, Who, handed_on, one
from review.commands import Receipt

router = APIRouter(prefix="/v1", tags=["decisions"])

MOST = 500
"""Cases of one batch."""
Hash = Annotated[str, Field(min_length=1, max_length=128)]


class Seen(BaseModel):
    """The content that the reviewer has seen."""

    model_config = ConfigDict(extra="forbid")

    content_hash: Hash


class Reason(BaseModel):
    """A coded reason, the field it is about, and words that name no person."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(max_length=50)
    field: str | None = Field(None, max_length=50)
    text: str = Field("", max_length=2000)


class SentBack(Seen):
    """Why it is sent back."""

    reasons: list[Reason] = Field(max_length=50)


SendBack = Callable[[Tx, Sequence[tuple[UUID, str]], Sequence[words.Reason]], Awaitable[Receipt]]
"""Returns or refuses cases, pairs of id and content hash, for reasons."""


class Pair(BaseModel):
    """A case and what was seen of it."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    content_hash: Hash


class Batch(BaseModel):
    """Cases to be decided together."""

    model_config = ConfigDict(extra="forbid")

    cases: list[Pair] = Field(min_length=1, max_length=MOST)


class BatchSentBack(Batch):
    """Cases to be sent back together, all for the same reasons."""

    reasons: list[Reason] = Field(max_length=50)


class Refused(BaseModel):
    """A case of a batch that was not decided, and why."""

    id: UUID
    code: str
    text: str


class Approved(BaseModel):
    """The receipt of a batch: approved and refused make up what was asked."""

    approved: list[UUID]
    refused: list[Refused]


class Decided(BaseModel):
    """The receipt of a batch that was sent back: decided and refused make up what was asked."""

    decided: list[UUID]
    refused: list[Refused]


class Reroute(BaseModel):
    """Another authority, and why."""

    model_config = ConfigDict(extra="forbid")

    authority_id: UUID
    reason: str = Field(min_length=2, max_length=2000)


class Authority(BaseModel):
    """Who may decide cases."""

    id: UUID
    name: str


class Authorities(BaseModel):
    items: list[Authority]


@router.get("/authorities", dependencies=[allow(*DECIDING)])
async def authorities(db: Db, actor: Who, case: UUID | None = None) -> Authorities:
    """All authorities by code; with `case`, those to which it may be handed."""
    async with db.snapshot() as tx:
        found = await queries.authorities(tx, await queries.sight(tx, actor), case)
    return Authorities(items=[Authority(id=each, name=name) for each, name in found.items()])


@router.post("/cases/approve", dependencies=[allow(*DECIDING)])
async def approve_many(body: Batch, db: Db, actor: Who, key: Key) -> Approved:
    """Up to 500 cases approved in one transaction, each if it still is as the reviewer saw it. Source: art. 15."""

    async def act() -> Approved:
        receipt = await commands.approve(tx, _seen(body))
        return Approved(approved=list(receipt.decided), refused=_refused(receipt))

    async with db.transaction(actor) as tx:
        return await idempotent(tx, key, body, act)


@router.post("/cases/return", dependencies=[allow(*DECIDING)])
async def send_back_many(body: BatchSentBack, db: Db, actor: Who, key: Key) -> Decided:
    """Up to 500 cases returned to be corrected in one transaction, each if it still is as the reviewer saw it."""

    return await _together(body, db, actor, key, commands.send_back)


@router.post("/cases/reject", dependencies=[allow(*DECIDING)])
async def reject_many(body: BatchSentBack, db: Db, actor: Who, key: Key) -> Decided:
    """Up to 500 cases refused for good in one transaction, each if it still is as the reviewer saw it."""

    return await _together(body, db, actor, key, commands.reject)


@router.post("/cases/{case_id}/approve", dependencies=[allow(*DECIDING)])
async def approve(case_id: UUID, body: Seen, db: Db, actor: Who, key: Key) -> Case:
    """The authority agrees. Source: art. 15."""

    async def act() -> Case:
        return await _decided(tx, actor, case_id, commands.approve(tx, [(case_id, body.content_hash)]))

    async with db.transaction(actor) as tx:
        return await idempotent(tx, key, body, act)


@router.post("/cases/{case_id}/return", dependencies=[allow(*DECIDING)])
async def send_back(case_id: UUID, body: SentBack, db: Db, actor: Who, key: Key) -> Case:
    """The authority returns the request to be corrected."""

    async def act() -> Case:
        seen, reasons = [(case_id, body.content_hash)], _reasons(body.reasons)
        return await _decided(tx, actor, case_id, commands.send_back(tx, seen, reasons))

    async with db.transaction(actor) as tx:
        return await idempotent(tx, key, body, act)


@router.post("/cases/{case_id}/reject", dependencies=[allow(*DECIDING)])
async def reject(case_id: UUID, body: SentBack, db: Db, actor: Who, key: Key) -> Case:
    """The authority refuses for good."""

    async def act() -> Case:
        seen, reasons = [(case_id, body.content_hash)], _reasons(body.reasons)
        return await _decided(tx, actor, case_id, commands.reject(tx, seen, reasons))

    async with db.transaction(actor) as tx:
        return await idempotent(tx, key, body, act)


@router.post("/cases/{case_id}/claim", dependencies=[allow(*DECIDING)])
async def claim(case_id: UUID, db: Db, actor: Who) -> Case:
    """The case is on the actor's screen; others see that for ten minutes, and may decide all the same."""
    async with db.transaction(actor) as tx:
        await commands.claim(tx, case_id)
        return await one(tx, actor, case_id)


@router.post("/cases/{case_id}/reroute", dependencies=[allow(*DECIDING)])
async def reroute(case_id: UUID, body: Reroute, db: Db, actor: Who, key: Key) -> Case:
    """The case goes to another authority, with the reason why."""

    async def act() -> Case:
        await commands.reroute(tx, case_id, body.authority_id, body.reason)
        return await handed_on(tx, actor, case_id)

    async with db.transaction(actor) as tx:
        return await idempotent(tx, key, body, act)


async def _decided(tx: Tx, actor: Actor, case_id: UUID, deciding: Awaitable[Receipt]) -> Case:
    receipt = await deciding
    for refusal in receipt.refused.values():
        raise refusal
    return await one(tx, actor, case_id)


async def _together(body: BatchSentBack, db: Db, actor: Actor, key: Key, decide: SendBack) -> Decided:
    async def act() -> Decided:
        receipt = await decide(tx, _seen(body), _reasons(body.reasons))
        return Decided(decided=list(receipt.decided), refused=_refused(receipt))

    async with db.transaction(actor) as tx:
        return await idempotent(tx, key, body, act)


def _seen(batch: Batch) -> list[tuple[UUID, str]]:
    return [(pair.id, pair.content_hash) for pair in batch.cases]


def _refused(receipt: Receipt) -> list[Refused]:
    return [
        Refused(id=case_id, code=refusal.code, text=refusal.sentence) for case_id, refusal in receipt.refused.items()
    ]


def _reasons(reasons: Sequence[Reason]) -> list[words.Reason]:
    return [words.Reason(**reason.model_dump()) for reason in reasons]
