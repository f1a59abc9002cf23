"""Who may do what to whom, as everything that was done says."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from chassis.clock import ZONE
from tests.chaos.check.registering import always, invariant
from tests.chaos.check.world import World

DECIDE = {"authority.officer", "province.admin"}
OF_NO_PLACE = {
    "session.open", "session.end", "parked.seen", "parked.correct", "parked.replay", "parked.drop", "epoch.begin",
    "outbox.respeak",
}  # fmt: skip
"""What is done to no organisation's own: everything else names whose it was done to."""


class _Tree:
    """Who stands above whom, and whose 主管单位 it is on a day."""

    def __init__(self, world: World) -> None:
        self._rows = {row.id: row for row in world.registry["organisation"]}
        self._links: dict[Any, list[Any]] = defaultdict(list)
        for row in world.registry["authority_link"]:
            self._links[row.school_id].append(row)

    def reaches(self, actor: Any, place: Any, on: date) -> bool:
        """Whether the actor's organisation is the place, above it, its 主管单位 on the day, or above that."""
        row = self._rows.get(place)
        if row is None:
            return False
        if actor in row.path:
            return True
        school = row.parent_id if row.kind == "campus" else place
        for link in self._links[school]:
            if link.valid_from <= on and (link.valid_until is None or link.valid_until > on):
                authority = self._rows.get(link.authority_id)
                if authority is not None and actor in authority.path:
                    return True
        return False


@invariant("I22", "an organisation stands where its parent says", always)
def paths(world: World) -> Iterator[str]:
    """Its path is its parent's, and itself."""
    known = {row.id: list(row.path) for row in world.registry["organisation"]}
    for row in world.registry["organisation"]:
        if list(row.path) != [*known.get(row.parent_id, []), row.id]:
            yield f"organisation {row.id} stands elsewhere than below its parent"


@invariant("I22", "everybody acted within what stands below her", always)
def subtrees(world: World) -> Iterator[str]:
    """Every entry of every audit: the actor's organisation reaches the object's, then. Cases: whoever they went to."""
    tree = _Tree(world)
    parties = _parties(world)
    for name, service in world.services.items():
        for row in service["audit"]:
            if row.organisation_id is None:
                continue
            for note in notes_of(row):
                if note["organisation"] is None and note["action"] not in OF_NO_PLACE:
                    yield f"{name}'s audit {row.chain}/{row.seq}: {note['action']} names no organisation"
            on = row.at.astimezone(ZONE).date()
            if all(tree.reaches(row.organisation_id, place, on) for place in row.organisations):
                continue
            cases = [each for each in row.objects if each in parties]
            if not cases or any(row.organisation_id not in parties[each] for each in cases):
                yield f"{name}'s audit {row.chain}/{row.seq}: {row.organisation_id} acted on what it does not reach"
    accounts = {row.id: row for row in world.registry["account"]}
    for row in world.review["decision"]:
        if row.organisation_id not in parties.get(row.case_id, ()):
            yield f"case {row.case_id} was decided by an organisation that it never went to"
        account = accounts.get(row.account_id)
        if account is None or not DECIDE & set(account.roles):
            yield f"case {row.case_id} was decided by an account that may not decide"


def notes_of(row: Any) -> list[dict[str, Any]]:
    """The notes of an entry of the audit; none of one that is not as it was written, which its chain tells."""
    try:
        notes = list(json.loads(row.entry)["notes"])
        return [note for note in notes if {"action", "organisation", "objects"} <= note.keys()]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _parties(world: World) -> Mapping[Any, set[Any]]:
    """Case → every organisation that it went to."""
    found = {row.id: {row.authority_id, row.escalated_to} - {None} for row in world.review["review_case"]}
    for row in world.review["case_event"]:
        if row.case_id in found:
            found[row.case_id] |= {row.organisation_id, row.to_organisation_id} - {None}
    return found


@invariant("I31", "no session lives for whoever may not act, and no secret is kept", always)
def sessions(world: World) -> Iterator[str]:
    """Living sessions belong to accounts that may act; tokens are SHA-256, passwords argon2id."""
    now = datetime.now(UTC)
    accounts = {row.id: row for row in world.registry["account"]}
    for row in world.registry["session"]:
        account = accounts.get(row.account_id)
        lives = row.ended_at is None and row.expires_at > now
        if lives and (account is None or account.disabled_at is not None):
            yield f"session {row.id} lives and its account may not act"
        if len(row.token_hash) != 32:
            yield f"session {row.id} keeps something else than a hash"
    for row in world.registry["credential"]:
        if not row.hash.startswith("$argon2id$"):
            yield f"account {row.account_id} has a password that is not hashed as it must be"
