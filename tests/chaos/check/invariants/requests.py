"""Requests and what was decided on them."""

import json
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

from chassis.clock import ZONE
from contracts.registry import RequestSubmitted
from contracts.topics import DECISION, REQUEST
from registry.enrolment.domain import SALT_BYTES
from tests.chaos.check.registering import always, at_rest, invariant
from tests.chaos.check.world import World


def _final(world: World) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = {}
    for row in world.review["decision"]:
        if row.final:
            found.setdefault(row.case_id, []).append(row)
    return found


@invariant("I1", "who is registered was approved on these very contents, and the other way round", at_rest)
def registered_as_approved(world: World) -> Iterator[str]:
    """Submission ↔ case ↔ final decision, one of each and of the same contents; versions as many as approvals."""
    cases = {row.id: row for row in world.review["review_case"]}
    final = _final(world)
    approvals: Counter[Any] = Counter()
    for row in world.registry["submission"]:
        case = cases.pop(row.request_id, None)
        if case is None:
            yield f"submission {row.request_id} has no case"
            continue
        approvals[row.student_id] += row.state == "approved"
        approved = [each for each in final.get(row.request_id, ()) if each.outcome == "approved"]
        for wrong in (*_unlike(row, case), *_wrongly_approved(row, approved)):
            yield f"submission {row.request_id} {wrong}"
        if (frozen := world.frozen.get(row.request_id)) is not None and _hash(frozen) != row.content_hash:
            yield f"submission {row.request_id} holds other contents than its hash says"
    for case_id in cases:
        yield f"case {case_id} has no submission"
    versions = Counter(row.student_id for row in world.registry["student_version"] if row.change == "registered")
    for student in approvals.keys() | versions.keys():
        if approvals[student] != versions[student]:
            yield f"student {student} was approved {approvals[student]} times and registered {versions[student]} times"


_CASE: Final = (
    "kind", "student_id", "enrolment_id", "school_id", "class_id", "stage", "submission_number", "content_hash",
    "submitted_by", "submitted_at", "school_year",
)  # fmt: skip
"""What a case keeps of its request under the request's own names."""
_SUBMISSION: Final = ("student_id", "enrolment_id", "school_id", "authority_id", "content_hash", "submitted_by")


@invariant("I1", "a case and a submission say what was asked", at_rest)
def as_asked(world: World) -> Iterator[str]:
    """Field by field, whatever became of the request since."""
    cases = {row.id: row for row in world.review["review_case"]}
    submissions = {row.request_id: row for row in world.registry["submission"]}
    for record in world.log(REQUEST.name).readable():
        if record.envelope is None or record.envelope.type != RequestSubmitted.__name__ or record.body is None:
            continue
        asked = RequestSubmitted.model_validate_json(record.body)
        case, submission = cases.get(record.subject), submissions.get(record.subject)
        pairs = [(name, getattr(asked, name), getattr(case, name)) for name in _CASE if case is not None]
        if case is not None:
            pairs += [("warnings", list(asked.warnings), list(case.warnings))]
            pairs += [("asked_authority_id", asked.authority_id, case.asked_authority_id)]
        if submission is not None:
            pairs += [(f"its {name}", getattr(asked, name), getattr(submission, name)) for name in _SUBMISSION]
            pairs += [("its number", asked.submission_number, submission.number)]
            pairs += [("its warnings", list(asked.warnings), list(submission.warnings))]
            pairs += [("its moment", asked.submitted_at, submission.submitted_at)]
        for name, told, kept in pairs:
            if told != kept:
                yield f"request {record.subject} was asked with another {name}"


def _unlike(row: Any, case: Any) -> Iterator[str]:
    """How a submission and its case differ."""
    if case.content_hash != row.content_hash or case.student_id != row.student_id:
        yield "and its case are of different contents"
    if row.state == "open" and case.state != "open":
        yield f"is open and its case is {case.state}"
    if row.state in ("returned", "rejected") and case.decision != row.state:
        yield f"is {row.state}, its case says {case.decision}"
    if row.state == "withdrawn" and case.state != "withdrawn":
        yield f"is withdrawn and its case is {case.state}"


def _wrongly_approved(row: Any, approved: list[Any]) -> Iterator[str]:
    if row.state == "approved":
        if len(approved) != 1:
            yield f"is approved; decisions that say so: {len(approved)}"
        if any(each.content_hash != row.content_hash for each in approved):
            yield "was approved on other contents"
    elif approved and row.state != "conflict":
        yield f"was approved and is {row.state}"


def _hash(frozen: bytes) -> str:
    salt, packed = frozen[:SALT_BYTES], frozen[SALT_BYTES:]
    photo = json.loads(packed).get("photo_hash") or ""
    digest = sha256()
    for part in (salt, photo.encode(), packed):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


@invariant("I2", "a case has at most one final decision", always)
def decided_once(world: World) -> Iterator[str]:
    """One final row for each decided case and none for others; no two clients were told that they decided a case."""
    final = _final(world)
    for row in world.review["review_case"]:
        decisions = final.get(row.id, [])
        if len(decisions) > 1:
            yield f"case {row.id} has {len(decisions)} final decisions"
        elif (row.state == "decided") != bool(decisions):
            yield f"case {row.id} is {row.state} with {len(decisions)} final decisions"
        elif decisions and decisions[0].outcome != row.decision:
            yield f"case {row.id} says {row.decision}, its decision {decisions[0].outcome}"
    told: dict[str, set[str]] = {}
    for each in world.journals:
        if each.op in ("approve", "return", "reject") and each.outcome == "ok":
            for case in each.told.get("cases", ()):
                told.setdefault(str(case), set()).add(each.key)
    for case, keys in told.items():
        if len(keys) > 1:
            yield f"{len(keys)} operations were told that they decided case {case}"


@invariant("I23", "nobody decides on what she submitted herself", always)
def two_persons(world: World) -> Iterator[str]:
    """As persons, whatever their accounts."""
    cases = {row.id: row for row in world.review["review_case"]}
    persons = {row.id: row.person_id for row in world.registry["account"]}
    for row in world.review["decision"]:
        case = cases.get(row.case_id)
        if case is None:
            continue
        decided_by = {row.decided_by, persons.get(row.account_id, row.decided_by)}
        if case.submitted_by in decided_by:
            yield f"case {row.case_id} was submitted and decided by the same person"


@invariant("I1", "a submission says what was decided", at_rest)
def as_decided(world: World) -> Iterator[str]:
    """Who, when and why; a case closes with its decision."""
    final = {row.case_id: row for row in world.review["decision"] if row.final}
    cases = {row.id: row for row in world.review["review_case"]}
    said = {
        record.subject: json.loads(record.body).get("reasons", [])
        for record in world.log(DECISION.name).readable()
        if record.body is not None
    }
    for row in world.registry["submission"]:
        case, decision = cases.get(row.request_id), final.get(row.request_id)
        if row.state in ("approved", "returned", "rejected") and decision is not None:
            if (row.decided_by, row.decided_at) != (decision.decided_by, decision.decided_at):
                yield f"submission {row.request_id} names another person or moment than its decision"
            yield from _reasons(row, decision, said.get(row.request_id, []))
        elif row.state == "withdrawn" and case is not None and row.decided_at != case.closed_at:
            yield f"submission {row.request_id} was withdrawn at another moment than its case"
    for row in world.review["decision"]:
        if row.case_id in cases and row.content_hash != cases[row.case_id].content_hash:
            yield f"case {row.case_id} was decided on other contents"
    passed = Counter(row.case_id for row in world.review["decision"] if not row.final)
    for row in cases.values():
        if row.step != 1 + passed[row.id]:
            yield f"case {row.id} is at step {row.step} after {passed[row.id]} decisions"
        yield from _closed(row, final.get(row.id))


def _reasons(submission: Any, decision: Any, said: list[dict[str, Any]]) -> Iterator[str]:
    """The submission has what was said; that has the decision's codes, and her words within its own."""
    kept = [{name: each for name, each in one.items() if each is not None} for one in said]
    if json.loads(submission.reasons or "[]") != kept:
        yield f"submission {submission.request_id} has other reasons than were said"
    given = json.loads(decision.reasons)
    if len(given) != len(said) or any(
        (one["code"], one["field"]) != (each["code"], each["field"]) or one["text"] not in each["text"]
        for one, each in zip(given, said, strict=False)
    ):
        yield f"case {submission.request_id} has other reasons than were said"


def _closed(row: Any, decision: Any) -> Iterator[str]:
    """How a case differs from its decision, or from itself."""
    if row.submitted_on != row.submitted_at.astimezone(ZONE).date():
        yield f"case {row.id} was submitted on another day than it says"
    if (row.escalated_at is None) != (row.escalated_to is None):
        yield f"case {row.id} was escalated by half"
    if (row.claimed_by is None) != (row.claimed_until is None) or (row.closed_at and row.claimed_by):
        yield f"case {row.id} is on a screen, by half or though it is closed"
    if row.state == "decided" and decision is not None:
        here = (row.step, row.decided_by_organisation, row.closed_at)
        if here != (decision.step, decision.organisation_id, decision.decided_at):
            yield f"case {row.id} closed otherwise than its decision says"
    elif row.decided_by_organisation is not None:
        yield f"case {row.id} is {row.state} and was decided by {row.decided_by_organisation}"
