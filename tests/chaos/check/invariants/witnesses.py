"""Who did it, and when: what rows say of it, an entry of the audit says, too.

Every transaction has one moment, which its rows and its entries carry alike.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.chaos.check.invariants.clients import ENDED
from tests.chaos.check.invariants.people import notes_of
from tests.chaos.check.registering import always, invariant
from tests.chaos.check.world import World


@dataclass(frozen=True, slots=True)
class Witness:
    """Columns of a table that an entry of the same moment must say; rows without a moment need none."""

    service: str
    table: str
    at: str
    objects: tuple[str, ...] = ()
    """All of them are among what the entry is about."""
    account: str = ""
    person: str = ""
    organisation: str = ""
    """Whose account it was."""
    place: str = ""
    """The organisation to which what it is about belongs."""
    action: str = ""
    """What was done; "{state}" is the row's."""


_KEYS: Final = ("id", "request_id", "case_id", "student_id", "account_id", "enrolment_id", "school_id")
"""What a row is called by, the first that it has."""
WITNESSES: Final = (
    Witness("registry", "account", "created_at", ("id",), account="created_by", action="account.create"),
    Witness("registry", "account", "disabled_at", ("id",), account="disabled_by", action="account.disable"),
    Witness("registry", "account", "last_sign_in_at", ("id",), action="session.open"),
    Witness("registry", "authority_link", "set_at", ("school_id",), account="set_by"),
    Witness("registry", "calendar_extension", "granted_at", ("organisation_id",), account="granted_by"),
    Witness("registry", "class", "created_at", ("id",), account="created_by", place="school_id", action="class.create"),
    Witness("registry", "class_plan", "set_at", ("school_id",), account="set_by", action="class.set-plan"),
    Witness("registry", "credential", "changed_at", ("account_id",)),
    Witness("registry", "credential", "used_at", ("account_id",), action="session.open"),
    Witness("registry", "duplicate_case", "opened_at", place="school_id"),
    Witness("registry", "evidence", "added_at", ("id", "student_id"), account="added_by", action="evidence.add"),
    Witness("registry", "evidence", "removed_at", ("id", "student_id"), action="evidence.remove"),
    Witness(
        "registry", "import", "uploaded_at", ("id",), account="uploaded_by", person="person_id",
        organisation="organisation_id", place="school_id", action="import.upload",
    ),
    Witness("registry", "import", "ended_at", ("id",), place="school_id", action="import.{state}"),
    Witness("registry", "organisation", "created_at", ("id",), account="created_by", action="organisation.create"),
    Witness("registry", "person", "created_at", action="account.create"),
    Witness("registry", "school_year", "changed_at", account="changed_by"),
    Witness("registry", "schooling", "set_at", ("school_id",), account="set_by"),
    Witness("registry", "session", "created_at", ("id", "account_id"), action="session.open"),
    Witness("registry", "session", "ended_at", ("account_id",)),
    Witness("registry", "student", "created_at", ("id",)),
    Witness("registry", "student", "changed_at", ("id",)),
    Witness(
        "registry", "submission", "submitted_at", ("student_id",), account="account_id", person="submitted_by",
        place="school_id", action="enrolment.submit",
    ),
    Witness("registry", "submission", "withdrawal_asked_at", ("student_id",), action="enrolment.ask-withdrawal"),
    Witness(
        "review", "decision", "decided_at", ("case_id",), account="account_id", person="decided_by",
        organisation="organisation_id",
    ),
    Witness("review", "review_case", "closed_at", ("id",), place="school_id"),
    Witness("review", "review_case", "escalated_at", ("id",)),
    Witness(
        "photo", "archive", "uploaded_at", ("id",), account="uploaded_by", person="person_id", place="school_id",
        action="photo.archive",
    ),
    Witness("photo", "photo", "taken_at", account="taken_by"),
    Witness("photo", "requirement", "changed_at"),
    Witness("sync", "national_pupil", "spoken_at"),
    Witness("sync", "national_pupil", "changed_at"),
)  # fmt: skip


@invariant("I24", "who did it and when stands in the audit, too", always)
def witnessed(world: World) -> Iterator[str]:
    """Row by row: an entry of the moment says the same account, person and organisation of the same objects."""
    entries = {name: _by_moment(service["audit"]) for name, service in world.services.items()}
    for each in WITNESSES:
        for row in world.services[each.service][each.table]:
            if row[each.at] is None or (each.table == "import" and each.at == "ended_at" and row.state not in ENDED):
                continue
            if not any(_says(entry, row, each) for entry in entries[each.service][row[each.at]]):
                yield f"{each.service}.{each.table} {_named(row)}: no entry says so at its {each.at}"


_NAMED: Final[Mapping[str, tuple[str, str]]] = {
    "account": ("registry", "account"),
    "archive": ("photo", "archive"),
    "case": ("review", "review_case"),
    "class": ("registry", "class"),
    "evidence": ("registry", "evidence"),
    "import": ("registry", "import"),
    "organisation": ("registry", "organisation"),
    "student": ("registry", "student"),
}
"""What the audit calls it → whose rows are never deleted."""


@invariant("I24", "what the audit names is there", always)
def named(world: World) -> Iterator[str]:
    """By the service that keeps it: what somebody did something to does not vanish."""
    there = {kind: {str(row.id) for row in world.services[service][table]} for kind, (service, table) in _NAMED.items()}
    for name, service in world.services.items():
        for row in service["audit"]:
            for note in notes_of(row):
                for kind, each in note["objects"]:
                    if kind in _NAMED and _NAMED[kind][0] == name and each not in there[kind]:
                        yield f"{name}'s audit {row.chain}/{row.seq} names {kind} {each}, which is gone"


def _by_moment(audit: Any) -> Mapping[Any, list[Any]]:
    found: dict[Any, list[Any]] = defaultdict(list)
    for row in audit:
        found[row.at].append(row)
    return found


def _says(entry: Any, row: Any, asked: Witness) -> bool:
    return (
        all(row[name] in entry.objects for name in asked.objects)
        and (not asked.account or row[asked.account] == entry.account_id)
        and (not asked.person or row[asked.person] == entry.person_id)
        and (not asked.organisation or row[asked.organisation] == entry.organisation_id)
        and (not asked.place or row[asked.place] in entry.organisations)
        and (not asked.action or asked.action.format(**dict(row)) in entry.actions)
    )


def _named(row: Any) -> str:
    names = set(row.keys())
    return str(next((row[name] for name in _KEYS if name in names), ""))


@invariant("I31", "a password and a session are what was noted of them", always)
def secrets(world: World) -> Iterator[str]:
    """Each account has one password; its own choice is spent by no sign-in, a first one has an end."""
    accounts = {row.id for row in world.registry["account"]}
    persons = {row.id for row in world.registry["person"]}
    for row in world.registry["account"]:
        if row.person_id not in persons:
            yield f"account {row.id} is nobody's"
        if (row.disabled_by is not None) and row.disabled_at is None:
            yield f"account {row.id} was disabled by somebody and at no time"
    found = {row.account_id: row for row in world.registry["credential"]}
    for account in accounts ^ found.keys():
        yield f"account {account} and its password are not together"
    chosen = {
        (row.at, account)
        for row in world.registry["audit"]
        if "account.change-password" in row.actions
        for account in row.objects
    }
    for account, row in found.items():
        if row.initial == ((row.changed_at, account) in chosen):
            yield f"account {account} has a password that is not as it was set"
        if (row.expires_at is not None) != row.initial or (row.used_at is not None and not row.initial):
            yield f"account {account} has a password of its own choice with an end"
    for row in world.registry["session"]:
        if (row.ended_at is None) != (row.end_reason is None):
            yield f"session {row.id} has ended by half"
