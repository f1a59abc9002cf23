"""A request that is sent twice acts once: the answer to the repeat is the first answer."""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Final, Self, TypeVar, get_type_hints
from uuid import UUID

from fastapi import Header
from pydantic import BaseModel, TypeAdapter
from starlette.requests import Request

from contracts.refusal import Refusal

if TYPE_CHECKING:
    from chassis.sealing import Vault
    from chassis.transaction import Tx

T = TypeVar("T")
_KEY: Final = re.compile(r"[A-Za-z0-9._-]{8,100}")


class IdempotencyKeyReused(Refusal):
    """The key was sent before, with another body or to another place."""

    def __init__(self) -> None:
        super().__init__(
            "idempotency-key-reused", "本次操作与先前的提交编号相同而内容不同。请刷新页面后重新填写并提交。"
        )


class IdempotencyKeyInvalid(Refusal):
    """The key is no key."""

    def __init__(self) -> None:
        super().__init__(
            "idempotency-key-invalid", "提交编号格式不对，须为8至100个字母、数字或短横线。请刷新页面后重试。"
        )


class Key(str):
    """An idempotency key, with what it was sent for and with the vault in which the answer is kept."""

    operation: str
    vault: "Vault"

    @classmethod
    def of(cls, text: str, operation: str, vault: "Vault") -> Self:
        """The key as it came in with a request."""
        key = cls(text)
        key.operation, key.vault = operation, vault
        return key


async def idempotency_key(
    request: Request, sent: Annotated[str | None, Header(alias="Idempotency-Key")] = None
) -> str | None:
    """The key that came with the request, if one came. Raises IdempotencyKeyInvalid."""
    from chassis.sealing import Vault

    if sent is None:
        return None
    if not _KEY.fullmatch(sent):
        raise IdempotencyKeyInvalid
    return Key.of(sent, f"{request.method} {request.url.path}", request.app.state.resources[Vault])


async def idempotent(tx: "Tx", key: str | None, body: BaseModel | bytes | None, act: Callable[[], Awaitable[T]]) -> T:
    """What `act` answers, or what it answered to the actor's first request with this key; then nothing is done.

    The key is taken in the request's own transaction: a repeat that comes meanwhile waits for the first to end, and
    acts if that rolled back. Without a key it acts. Raises IdempotencyKeyReused.
    """
    if key is None:
        return await act()
    if not isinstance(key, Key):
        raise TypeError("an idempotency key comes from Depends(idempotency_key)")
    if tx.actor is None:
        raise TypeError("who has no token has no idempotency key: give the transaction its actor")
    account = tx.actor.account_id
    asked = _digest(key.operation, body)
    mine = {"account": account, "key": str(key)}
    statements = _statements()
    adapter = _adapter(_answer_of(act))
    place: dict[str, Any] = {"table": "idempotency", "column": "answer", "row": _row(account, key)}
    taken = await tx.row(statements["take"].bindparams(**mine, asked=asked))
    if taken is None:
        first = await tx.row(statements["find"].bindparams(**mine))
        if first is None or first.body_hash != asked:
            raise IdempotencyKeyReused
        answered: T = adapter.validate_json(key.vault.open(first.answer, **place))
        return answered
    answered = await act()
    sealed = key.vault.seal(adapter.dump_json(answered), **place)
    await tx.execute(statements["answer"].bindparams(**mine, answer=sealed))
    return answered


def _digest(operation: str, body: BaseModel | bytes | None) -> bytes:
    if isinstance(body, BaseModel):
        # Keys in order: the same content in another order is the same request.
        said = json.dumps(body.model_dump(mode="json"), ensure_ascii=False, sort_keys=True).encode()
    else:
        said = body or b""
    return hashlib.sha256(operation.encode() + b"\0" + said).digest()


def _row(account: UUID, key: str) -> UUID:
    return UUID(bytes=hashlib.sha256(account.bytes + key.encode()).digest()[:16])


def _answer_of(act: Callable[[], Awaitable[Any]]) -> Any:
    hints = get_type_hints(act)
    if "return" not in hints:
        raise TypeError("annotate what the action answers, so that a repeat can be answered alike")
    return hints["return"]


@lru_cache(maxsize=512)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


@lru_cache(maxsize=1)
def _statements() -> dict[str, Any]:
    from sqlalchemy import text

    return {
        "take": text(
            "INSERT INTO idempotency (account_id, key, body_hash, created_at) VALUES (:account, :key, :asked, now())"
            " ON CONFLICT (account_id, key) DO NOTHING RETURNING key"
        ),
        "find": text("SELECT body_hash, answer FROM idempotency WHERE account_id = :account AND key = :key"),
        "answer": text("UPDATE idempotency SET answer = :answer WHERE account_id = :account AND key = :key"),
    }
