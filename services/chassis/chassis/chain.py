"""The audit: one entry per transaction, in one of 64 chains of hashes, written last.

An entry's hash covers the hash before it, its number and its text; the head of each chain is kept apart. So a changed,
removed, moved or cut entry is found; a replaced head is found by whoever has kept an older one
(`chassis.auditing.heads`).
"""

import json
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

from chassis import crash
from chassis.tables import CHAINS

if TYPE_CHECKING:
    from chassis.transaction import Tx

_APPEND = """
WITH head AS (
    UPDATE audit_head SET seq = seq + 1, hash = sha256(hash || int8send(seq + 1) || $2) WHERE chain = $1
    RETURNING seq, hash
)
INSERT INTO audit (chain, seq, at, account_id, person_id, organisation_id, organisations, actions, objects, entry, hash)
SELECT $1, head.seq, $3, $4, $5, $6, $7, $8, $9, $2, head.hash FROM head
"""


async def append(tx: "Tx", said: Mapping[str, int]) -> None:
    """Write the transaction's one entry: who, when, what was noted, and how many events were said on which topic."""
    actor, notes = tx.actor, tx.noted.notes
    entry = {
        "at": tx.now.isoformat(),
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
    await tx.fetch(
        _APPEND,
        secrets.randbelow(CHAINS),
        json.dumps(entry, ensure_ascii=False, separators=(",", ":"), default=str).encode(),
        tx.now,
        actor.account_id if actor else None,
        actor.person_id if actor else None,
        actor.organisation_id if actor else None,
        list({note.organisation for note in notes if note.organisation}),
        list(dict.fromkeys(note.action for note in notes)),
        list({each for note in notes for _, each in note.objects}),
    )
    crash.point("audit.after_insert")
