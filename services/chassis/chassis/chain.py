"""The audit: one entry per transaction, in one of 64 chains of hashes, written last.

An entry's hash covers the hash before it, its number and its text; the head of each chain is kept apart. So a changed,
removed, moved or cut entry is found; a replaced head is found by whoever has kept an older one
(`chassis.auditing.heads`).
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID

from structlog.contextvars import get_contextvars

from chassis import crash
from chassis.tables import CHAINS

if TYPE_CHECKING:
    from chassis.identity import Actor
    from chassis.transaction import Tx
    from chassis.transaction.tx import Note

_APPEND = """
WITH head AS (
    UPDATE audit_head SET seq = seq + 1, hash = sha256(hash || int8send(seq + 1) || $2) WHERE chain = $1
    RETURNING seq, hash
)
INSERT INTO audit (chain, seq, at, account_id, person_id, organisation_id, organisations, actions, objects, entry, hash)
SELECT $1, head.seq, $3, $4, $5, $6, $7, $8, $9, $2, head.hash FROM head
"""


def beginning(chain: int) -> bytes:
    """The hash that the first entry of a chain follows."""
    return sha256(b"audit chain %d" % chain).digest()


def hashed(previous: bytes, seq: int, entry: bytes) -> bytes:
    """The hash of an entry after that of the one before it, as the database makes it too."""
    return sha256(previous + seq.to_bytes(8, "big", signed=True) + entry).digest()


@dataclass(frozen=True, slots=True)
class Written:
    """An entry before it has a place in a chain: its text, and the columns by which it is found."""

    entry: bytes
    at: datetime
    account_id: UUID | None
    person_id: UUID | None
    organisation_id: UUID | None
    organisations: list[UUID]
    actions: list[str]
    objects: list[UUID]


def written(actor: "Actor | None", now: datetime, notes: "Sequence[Note]", said: Mapping[str, int]) -> Written:
    """The one entry of a transaction: who, when, what was noted, and how many events were said on which topic.

    `request` is the id that the log and the answer's `X-Request-Id` bear; none where nobody asked over HTTP.
    """
    entry = {
        "at": now.isoformat(),
        "request": get_contextvars().get("request"),
        "account": str(actor.account_id) if actor else None,
        "person": str(actor.person_id) if actor else None,
        "organisation": str(actor.organisation_id) if actor else None,
        "notes": [
            {
                "action": note.action,
                "objects": [[kind, str(each)] for kind, each in note.objects],
                "organisation": str(note.organisation) if note.organisation else None,
                "detail": note.detail,
            }
            for note in notes
        ],
        "said": said,
    }
    return Written(
        json.dumps(entry, ensure_ascii=False, separators=(",", ":"), default=str).encode(),
        now,
        actor.account_id if actor else None,
        actor.person_id if actor else None,
        actor.organisation_id if actor else None,
        list({note.organisation for note in notes if note.organisation}),
        list(dict.fromkeys(note.action for note in notes)),
        list({each for note in notes for _, each in note.objects}),
    )


async def append(tx: "Tx", said: Mapping[str, int]) -> None:
    """Write the transaction's one entry, at the end of a chain that is drawn."""
    new = written(tx.actor, tx.now, tx.noted.notes, said)
    await tx.fetch(
        _APPEND,
        secrets.randbelow(CHAINS),
        new.entry,
        new.at,
        new.account_id,
        new.person_id,
        new.organisation_id,
        new.organisations,
        new.actions,
        new.objects,
    )
    crash.point("audit.after_insert")
