"""What a reviewer's list is narrowed to; carried from the list to the case and on to the next."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

STATES = ("open", "decided", "withdrawn")
DECISIONS = ("approved", "returned", "rejected")
SORTS = ("deadline", "submitted")
NAMES = ("state", "decision", "school", "overdue", "due_soon", "escalated", "flagged", "unrouted", "everybody", "sort")


def narrowed(
    state: Annotated[str, Query(max_length=20)] = "open",
    decision: Annotated[str, Query(max_length=20)] = "",
    school: UUID | None = None,
    overdue: Annotated[str, Query(max_length=5)] = "",
    due_soon: Annotated[str, Query(max_length=5)] = "",
    escalated: Annotated[str, Query(max_length=5)] = "",
    flagged: Annotated[str, Query(max_length=5)] = "",
    unrouted: Annotated[str, Query(max_length=5)] = "",
    everybody: Annotated[str, Query(max_length=5)] = "",
    sort: Annotated[str, Query(max_length=20)] = "deadline",
) -> dict[str, str]:
    """The filters as the page carries them; `everybody` also shows what other authorities below decide, `unrouted`
    what nobody does."""
    return {
        "state": state if state in STATES else "open",
        "decision": decision if decision in DECISIONS else "",
        "school": str(school or ""),
        "overdue": overdue if overdue in ("true", "false") else "",
        "due_soon": "true" if due_soon == "true" else "",
        "escalated": "true" if escalated == "true" else "",
        "flagged": flagged if flagged in ("true", "false") else "",
        "unrouted": "true" if unrouted == "true" else "",
        "everybody": "true" if everybody == "true" else "",
        "sort": sort if sort in SORTS else "deadline",
    }


Queue = Annotated[dict[str, str], Depends(narrowed)]


def as_asked(queue: Mapping[str, str]) -> dict[str, str]:
    """The filters as review takes them."""
    asked = {name: value for name, value in queue.items() if name != "everybody"}
    asked["mine"] = "" if queue["everybody"] or queue["unrouted"] else "true"
    return asked
