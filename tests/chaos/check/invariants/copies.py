"""What services know of one another is what the topics say last."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from contracts.registry import PupilNumber, StudentRecordChanged
from contracts.topics import STUDENT_RECORD
from contracts.values import NumberKind, NumberStatus, Stage, StudentStatus
from sync.national import SCHOOL_COLUMN, STUDENT_NUMBER_COLUMN, Projection, project
from tests.chaos.check.registering import at_rest, invariant
from tests.chaos.check.world import CARRIED, World

Known = dict[Any, tuple[Any, ...]]
"""Subject → what is known of it."""


def said_last(world: World, topic: str) -> dict[UUID, Mapping[str, Any]]:
    """Subject → what the topic says of it last; subjects that have ended are missing."""
    return {
        subject: json.loads(record.body)
        for subject, record in world.log(topic).newest().items()
        if record.body is not None
    }


def _id(value: str | None) -> UUID | None:
    return UUID(value) if value else None


def _day(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None


@invariant("I8", "every copy is what its topic says", at_rest)
def copies(world: World) -> Iterator[str]:
    """Organisations, links, accounts, calendars, pupils, classes, photos and standings, row by row."""
    for name, said, kept in _pairs(world):
        for subject in said.keys() | kept.keys():
            if said.get(subject) != kept.get(subject):
                yield f"{name}: {subject} is another than its topic says"


@invariant("I8", "what was said last is what its owner has", at_rest)
def sayings(world: World) -> Iterator[str]:
    """Every subject of every state topic: a change that nobody touched its topic for would be heard by nobody."""
    for topic, now in world.sayings.items():
        newest = world.log(topic).newest()
        for subject, body in now.items():
            if (record := newest.get(subject)) is not None and _meant(topic, record.body) != _meant(topic, body):
                yield f"{topic}: {subject} was said otherwise than its owner has it"


def _meant(topic: str, body: bytes | None) -> Any:
    """A body as it is compared: that a number was confirmed is no news to those who were told the number."""
    said = None if body is None else json.loads(body)
    if topic == STUDENT_RECORD.name and isinstance(said, dict):
        said["numbers"] = [{**number, "status": None} for number in said["numbers"]]
    return said


def _pairs(world: World) -> Iterator[tuple[str, Known, Known]]:
    yield from _identity(world)
    told = said_last(world, "registry.student.v1")
    fields = ("enrolment_id", "school_id", "class_id", "stage", "entry_year", "first_grade", "status")
    pupils = {
        subject: (
            _id(about["enrolment_id"]), _id(about["school_id"]), _id(about["class_id"]), about["stage"],
            about["entry_year"], about["first_grade"], about["status"], about["match"]["document"],
            about["match"]["student_number"], about["match"]["school_class_name"],
        )
        for subject, about in told.items()
    }  # fmt: skip
    names = (*fields, "match_document", "match_number", "match_name")
    yield "photo's pupils", pupils, {row.student_id: _of(row, names) for row in world.photo["pupil"]}
    classes = {
        subject: (_id(about["school_id"]), about["number"])
        for subject, about in said_last(world, "registry.class.v1").items()
    }
    kept = {row.id: (row.school_id, row.number) for row in world.sync["class_copy"]}
    yield "sync's classes", classes, kept
    yield from _photos(world)
    standings = {
        _id(about["enrolment_id"]): (about["standing"],) for about in said_last(world, "sync.outcome.v1").values()
    }
    stand: Known = {row.id: (row.standing,) for row in world.registry["enrolment"] if row.standing}
    yield "registry's standings", standings, stand
    yield from _numbers(world)


def _numbers(world: World) -> Iterator[tuple[str, Known, Known]]:
    """The 学籍号 that the nation issued, as sync says it, keeps it, and registry has taken it."""
    said: Known = {
        student: (about["number"],)
        for student, about in said_last(world, "sync.outcome.v1").items()
        if about.get("number")
    }
    kept: Known = {student: (number,) for student, number in world.national_numbers.items()}
    yield "sync's own numbers", said, kept
    holders: dict[str, set[UUID]] = defaultdict(set)
    carried: Known = {}
    for row in world.registry["student_number"]:
        number = world.numbers.get(row.id, "")
        if row.status != NumberStatus.VOID:
            holders[number].add(row.student_id)
        if (row.kind, row.issuer) == (NumberKind.STUDENT, "nation") and row.status in CARRIED:
            carried[row.student_id] = (number,)
    # A number that somebody else holds is a problem of whom it was issued to, and is not taken.
    due = {student: numbers for student, numbers in said.items() if holders[numbers[0]] <= {student}}
    yield "registry's numbers of the nation", {key: due[key] for key in due.keys() & world.pupils.keys()}, carried


def _of(row: Any, names: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def _photos(world: World) -> Iterator[tuple[str, Known, Known]]:
    told = said_last(world, "photo.photo.v1")
    said: Known = {
        subject: (about["state"], about["sha256"], about["school_year"], about["reason"])
        for subject, about in told.items()
    }
    columns = ("photo_state", "photo_hash", "photo_year", "photo_reason")
    kept = {row.id: values for row in world.registry["enrolment"] if any(values := _of(row, columns))}
    yield "registry's photos", said, kept
    accepted: Known = {key: (about["sha256"],) for key, about in told.items() if about["state"] == "accepted"}
    held = {row.enrolment_id: (row.sha256,) for row in world.sync["enrolment_photo"] if row.sha256}
    yield "sync's photos", accepted, held
    enrolments = {row.id for row in world.registry["enrolment"]}
    places = {row.enrolment_id: (row.enrolment_id in enrolments,) for row in world.sync["enrolment_photo"]}
    yield "places that sync holds for photos", dict.fromkeys(places, (True,)), places
    own: Known = {key: values[:2] + values[3:] for key, values in said.items()}
    required = {row.enrolment_id: (row.state, row.sha256, row.reason) for row in world.photo["requirement"]}
    yield "photo's own requirements", own, required


def _identity(world: World) -> Iterator[tuple[str, Known, Known]]:
    places = said_last(world, "registry.organisation.v1")
    organisations: Known = {
        subject: (
            about["kind"], about["name"], about["code"], _id(about["parent_id"]), tuple(about["stages"]),
            about["schooling"], _day(about["valid_from"]), _day(about["valid_until"]),
        )
        for subject, about in places.items()
    }  # fmt: skip
    links: Known = {
        (subject, _day(link["valid_from"])): (_day(link["valid_until"]), _id(link["authority_id"]))
        for subject, about in places.items()
        for link in about["authorities"]
    }
    accounts: Known = {
        subject: (
            _id(about["person_id"]), _id(about["organisation_id"]), tuple(about["roles"]), about["may_act"],
            about["version"],
        )
        for subject, about in said_last(world, "registry.account.v1").items()
    }  # fmt: skip
    calendars: Known = {subject: (about,) for subject, about in said_last(world, "registry.calendar.v1").items()}
    for name in ("review", "photo", "sync"):
        service = world.services[name]
        columns = ("kind", "name", "code", "parent_id", "stages", "schooling", "valid_from", "valid_until")
        kept = {row.id: _of(row, columns) for row in service["organisation_copy"]}
        kept = {key: (*values[:4], tuple(values[4]), *values[5:]) for key, values in kept.items()}
        yield f"{name}'s organisations", organisations, kept
        kept_links = {
            (row.school_id, row.valid_from): (row.valid_until, row.authority_id)
            for row in service["authority_link_copy"]
        }
        yield f"{name}'s links", links, kept_links
        kept_accounts = {
            row.id: (row.person_id, row.organisation_id, tuple(row.roles), row.may_act, row.version)
            for row in service["account_copy"]
        }
        yield f"{name}'s accounts", accounts, kept_accounts
        kept_calendars = {row.organisation_id: (json.loads(row.calendar),) for row in service["calendar_copy"]}
        yield f"{name}'s calendars", calendars, kept_calendars


@invariant("I15", "what the nation is told is what registry has", at_rest)
def projections(world: World) -> Iterator[str]:
    """School by school the projections of registry's registered pupils and those that sync holds; then the rows."""
    here: dict[Any, dict[UUID, Projection]] = defaultdict(dict)
    there: dict[Any, dict[UUID, Projection]] = defaultdict(dict)
    told = {row.student_id for row in world.sync["national_pupil"]}
    unreadable = set()
    for student_id, projection in _registered(world).items():
        if projection is None or (student_id in told and student_id not in world.projections):
            unreadable.add(student_id)  # what does not open is told by I27
            continue
        here[projection.fields[SCHOOL_COLUMN]][student_id] = _compared(projection)
    for student_id in (told & world.projections.keys()) - unreadable:
        kept = Projection.from_json(world.projections[student_id])
        if not kept.void:
            there[kept.fields.get(SCHOOL_COLUMN)][student_id] = _compared(kept)
    for school in here.keys() | there.keys():
        if here[school] == there[school]:
            continue
        for student_id in here[school].keys() | there[school].keys():
            if here[school].get(student_id) != there[school].get(student_id):
                yield f"student {student_id} of school {school} is another for the nation than in registry"


def _compared(projection: Projection) -> Projection:
    """Without the 学籍号: that a pupil carries the one which the nation issued is no news to it."""
    fields = {column: value for column, value in projection.fields.items() if column != STUDENT_NUMBER_COLUMN}
    return replace(projection, fields=fields)


def _registered(world: World) -> dict[UUID, Projection | None]:
    """Student → the projection of what registry has; None where its content does not open."""
    codes = {row.id: row.code for row in world.registry["organisation"]}
    classes = {row.id: row for row in world.registry["class"]}
    found: dict[UUID, Projection | None] = {}
    for student_id, pupil in world.pupils.items():
        if pupil.row.status != "registered":
            continue
        if pupil.content is None or pupil.enrolment is None:
            found[student_id] = None
            continue
        seat = classes.get(pupil.enrolment.class_id)
        said = StudentRecordChanged.model_construct(
            status=StudentStatus.REGISTERED,
            enrolment_id=pupil.row.enrolment_id,
            school_id=pupil.row.school_id,
            school_code=codes.get(pupil.row.school_id, ""),
            class_number=seat.number if seat else "",
            class_name=seat.name if seat else "",
            stage=Stage(pupil.enrolment.stage),
            entry_year=pupil.enrolment.entry_year,
            registered_on=pupil.row.registered_on,
            numbers=tuple(
                PupilNumber.model_construct(kind=NumberKind(kind), value=value, status=NumberStatus.PROVISIONAL)
                for kind, value in pupil.numbers.items()
            ),
            record=pupil.content.record,
        )
        photo = pupil.enrolment.photo_hash if pupil.enrolment.photo_state == "accepted" else None
        found[student_id] = project(said, photo)
    return found


OWNED = {
    "registry.organisation.v1": ("registry", "organisation", "id"),
    "registry.account.v1": ("registry", "account", "id"),
    "registry.class.v1": ("registry", "class", "id"),
    "sync.national-record.v1": ("sync", "national_pupil", "student_id"),
}
"""Topic → whose rows are its subjects, every one."""


@invariant("I8", "whatever its owner has was said, and what was said it has", at_rest)
def owned(world: World) -> Iterator[str]:
    """Subject by subject; what has ended may have gone."""
    for topic, (service, table, key) in OWNED.items():
        there = {row[key] for row in world.services[service][table]}
        newest = world.log(topic).newest()
        for subject in there - newest.keys():
            yield f"{topic}: nothing was said of {subject}"
        for subject, record in newest.items():
            if not record.is_end and subject not in there:
                yield f"{topic}: {subject} was said and is not there"
    roots = [row.id for row in world.registry["organisation"] if row.parent_id is None]
    years = [row.organisation_id for row in world.registry["school_year"]]
    if years and years != roots:
        yield f"the school year is that of {years}, and not the province's"
