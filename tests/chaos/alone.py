"""What stands in one place only: nobody could tell it from another value, whoever looks.

Groups by the reason for which nothing else knows it. Everything that is not in here is found by the checker when it is
changed: a column by its name, `table gone` and `table doubled` for rows.
"""

from collections.abc import Mapping
from typing import Final

_DELIVERY: Final = ("registry", "review", "photo", "sync")


def _of_all(*names: str) -> tuple[str, ...]:
    return tuple(f"{service}.{name}" for service in _DELIVERY for name in names)


ALONE: Final[Mapping[str, tuple[str, ...]]] = {
    "when something was sent, heard or parked: told to people who look, asked by no program afterwards": (
        *_of_all("saying.said_at", "saying.sent_at", "inbox_offset.noted_at", "inbox.received_at", "parked.parked_at"),
    ),
    "the order in which rows were sent, once they are": _of_all("outbox.id"),
    "with what else a row was sent, once it is: sayings are forgotten after a day": (
        *_of_all("outbox.saying", "saying.id", "saying.rows", "saying gone"),
    ),
    "a state that a newer one has replaced may be forgotten by the outbox at any time": _of_all("outbox gone"),
    "why a record was parked, in words, and how often it was tried: the record itself is sealed beside it": (
        *_of_all("parked.type", "parked.reason", "parked.detail", "parked.fingerprint", "parked.attempts"),
    ),
    "first answers to commands, kept for a week against a repeat: of the question its hash alone is left": (
        *_of_all("idempotency.body_hash", "idempotency.status", "idempotency.created_at", "idempotency gone"),
    ),
    "what a person has entered or was told, and nobody else asks for": (
        *(
            f"registry.organisation.{name}"
            for name in (
                "region_code", "address", "phone", "area_type", "economy_type", "ethnic_type", "ownership", "setting",
                "category", "postal_code", "email", "english_name",
            )
        ),
        *(f"registry.class.{name}" for name in ("schooling", "founded_on", "honours", "capacity")),
        *(f"registry.class_plan.{name}" for name in ("stage", "entry_year", "classes")),
        "registry.calendar_extension.reason",
        "registry.schooling.valid_from",
        "registry.evidence.kind",
        "registry.evidence.content_type",
        "registry.account.login",
        "photo.photo.remarks",
        "photo.archive_file.reason",
        "photo.archive_file.result",
        "photo.photo.school_year",
    ),
    "the county from whose pool its number once came; a campus has none": ("registry.organisation.county_code",),
    "a plan that is not there is one that was never made": (
        "registry.class_plan gone", "registry.class_plan doubled",
    ),
    "how often it was edited, by which a screen sees that it is out of date": (
        "registry.organisation.version", "registry.class.version",
    ),
    "a name that nothing else calls it by": (
        "registry.calendar_extension.id", "registry.class_placement.id", "photo.photo.id",
    ),
    "which of a guardian's children it is: any free place will do": ("registry.identity_claim.sequence",),
    "a secret, of which there must be no copy": (
        "registry.credential.hash", "registry.session.token_hash",
    ),
    "how long a session goes on, and from where; sessions that are over are deleted in time": (
        *(f"registry.session.{name}" for name in ("used_at", "expires_at", "address")), "registry.session gone",
        "registry.credential.expires_at",
    ),
    "how a job went, for who looks after it": (
        *(
            f"registry.import.{name}"
            for name in (
                "sha256", "size", "roles", "started_at", "attempts", "unknown_columns",
            )
        ),
        "registry.import_row.problems", "registry.import_row.row",
    ),
    "a suspicion or an attempt that nobody else has noted": ("registry.duplicate_case gone",),
    "computed from the calendar on the day of submission; the calendar may be another since": (
        "review.review_case.deadline",
    ),
}  # fmt: skip
"""Reason → what stands alone for it."""
