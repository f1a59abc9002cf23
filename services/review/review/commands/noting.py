"""What the audit is told, grouped by whose cases they are."""

from collections.abc import Mapping
from uuid import UUID

from chassis.transaction import Tx


def note(tx: Tx, action: str, cases: Mapping[UUID, UUID]) -> None:
    """One note per school for an action on many cases. `cases`: case → school."""
    by_school: dict[UUID, list[tuple[str, UUID]]] = {}
    for case, school in cases.items():
        by_school.setdefault(school, []).append(("case", case))
    for school, objects in by_school.items():
        tx.note(action, objects, organisation=school)
