"""A province that sync has heard of, people who act in it, and the service as they reach it over HTTP."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from chassis.identity import Actor
from chassis.migrating import upgrade
from chassis.testing import spoken
from chassis.transaction import Database
from contracts import topics
from contracts.identity import AccountChanged, AuthorityLink, OrganisationChanged
from contracts.record import Family, StudentRecord
from contracts.registry import PupilNumber, StudentRecordChanged
from contracts.topics import Topic
from contracts.values import NumberKind, NumberStatus, OrganisationKind, Role, Stage, StudentStatus
from sync.main import BUILDERS, service
from sync.settings import SyncSettings
from sync.subscribers import subscribers
from tests.harness.serving import Clients, Hear, clients_of, executed, hearing, write_keyring

SEALED = ("registry.student-record.v1", "sync.national-record.v1", "national.receipt.v1", "sync.outcome.v1")


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A keyring of sync's."""
    return write_keyring(tmp_path_factory.mktemp("keys") / "sync.json", blind=("national-number",), wire=SEALED)


@pytest.fixture
def settings(template_database: Callable[..., str], key_file: Path, tmp_path: Path) -> SyncSettings:
    """Settings for a migrated database of the test's own."""
    dsn = template_database("sync", lambda empty: upgrade(empty, package="sync"))
    return SyncSettings(
        database=dsn, kafka="127.0.0.1:9", keys=key_file, token_public_keys=key_file, data=tmp_path / "data"
    )


@pytest.fixture
async def database(settings: SyncSettings) -> AsyncIterator[Database]:
    opened = Database(settings, builders=BUILDERS)
    yield opened
    await opened.close()


@pytest.fixture
def hear(database: Database) -> Hear:
    """`await hear(spoken(…), …)` → what became of each event."""
    return hearing(database, subscribers)


Told = Callable[[Topic], Awaitable[list[tuple[UUID, int, dict[str, Any] | None]]]]


@pytest.fixture
def told(database: Database) -> Told:
    """`await told(OUTCOME)` → (subject, version, body) of everything said on a topic, in order, opened."""

    async def read(topic: Topic) -> list[tuple[UUID, int, dict[str, Any] | None]]:
        async with database.snapshot() as tx:
            rows = await tx.rows(
                text("SELECT subject, epoch, version, body FROM outbox WHERE topic = :topic ORDER BY id"),
                {"topic": topic.name},
            )
        return [
            (
                row.subject,
                row.version,
                json.loads(database.wire.open(topic.name, row.subject, row.epoch, row.version, row.body))
                if row.body is not None
                else None,
            )
            for row in rows
        ]

    return read


@pytest.fixture
def places() -> Mapping[str, UUID]:
    names = ("province", "city", "county", "other_county", "school", "junior", "other_school")
    return {name: uuid4() for name in names}


@pytest.fixture
async def people(hear: Hear, places: Mapping[str, UUID]) -> Mapping[str, Actor]:
    """Everything heard: 安徽 > 合肥 > 长丰 (school) and 肥东 (other_school); the junior school is the city's."""
    kind = OrganisationKind
    where: Mapping[str, tuple[OrganisationKind, str, str | None, str | None]] = {
        "province": (kind.PROVINCE, "安徽省教育厅", None, None),
        "city": (kind.CITY, "合肥市教育局", "province", None),
        "county": (kind.COUNTY, "长丰县教育局", "city", None),
        "other_county": (kind.COUNTY, "肥东县教育局", "city", None),
        "school": (kind.SCHOOL, "长丰县水湖学区中心校", "county", "county"),
        "junior": (kind.SCHOOL, "长丰县实验初级中学", "county", "city"),
        "other_school": (kind.SCHOOL, "肥东县店埠小学", "other_county", "other_county"),
    }
    since = date(2020, 9, 1)
    for name, (what, title, parent, authority) in where.items():
        links = (AuthorityLink(authority_id=places[authority], valid_from=since),) if authority else ()
        organisation = OrganisationChanged(
            kind=what, name=title, code="3401", parent_id=places[parent] if parent else None, authorities=links,
            valid_from=since,
        )  # fmt: skip
        assert await hear(spoken(topics.ORGANISATION, places[name], organisation)) == ["applied"]
    actors = {
        "admin": _actor(places["province"], Role.PROVINCE_ADMIN),
        "officer": _actor(places["county"], Role.OFFICER),
        "other_officer": _actor(places["other_county"], Role.OFFICER),
        "viewer": _actor(places["city"], Role.VIEWER),
        "registrar": _actor(places["school"], Role.REGISTRAR),
        "other_registrar": _actor(places["other_school"], Role.REGISTRAR),
        "teacher": _actor(places["school"], Role.TEACHER),
    }
    for actor in actors.values():
        account = AccountChanged(
            person_id=actor.person_id, organisation_id=actor.organisation_id, roles=tuple(actor.roles), may_act=True,
            version=1,
        )  # fmt: skip
        assert await hear(spoken(topics.ACCOUNT, actor.account_id, account)) == ["applied"]
    return actors


def _actor(organisation: UUID, role: Role) -> Actor:
    return Actor(uuid4(), uuid4(), organisation, frozenset({role}), 1, None)


def _record(places: Mapping[str, UUID], **changes: Any) -> StudentRecordChanged:
    pupil = StudentRecord(
        name="示例学生𠮷", sex="2", birth_date=date(2020, 3, 15), birthplace="340121", residence="340121000000",
        document_type="1", document_number="999999202003150121", ethnicity="01", entry_month="202609", distance=2,
        phone="13900000000",
        family=tuple(
            Family(name=f"示例家长{n}", relation=str(n), guardian="1", phone=f"1390000000{n}") for n in (1, 2, 3)
        ),
    )  # fmt: skip
    said = StudentRecordChanged(
        status=StudentStatus.REGISTERED,
        enrolment_id=uuid4(),
        school_id=places["school"],
        school_code="2134000001",
        class_number="2026101",
        class_name="一年级(1)班",
        stage=Stage.PRIMARY,
        entry_year=2026,
        registered_on=date(2026, 9, 20),
        numbers=(
            PupilNumber(kind=NumberKind.STUDENT, value="L340121202003150042", status=NumberStatus.PROVISIONAL),
            PupilNumber(kind=NumberKind.REGIONAL, value="340121260010001", status=NumberStatus.CONFIRMED),
        ),
        record=pupil.model_copy(update=changes.pop("record", {})),
    )
    return said.model_copy(update=changes)


ARecord = Callable[..., StudentRecordChanged]


@pytest.fixture
def a_record(places: Mapping[str, UUID]) -> ARecord:
    """`a_record(class_number="2026102", record={"name": "…"})` → what registry says of a pupil of the centre school."""
    return lambda **changes: _record(places, **changes)


Row = Callable[[UUID], Awaitable[Any]]


@pytest.fixture
def row_of(database: Database) -> Row:
    """`await row_of(student)` → the stored pupil."""

    async def read(student: UUID) -> Any:
        async with database.snapshot() as tx:
            return await tx.row(text("SELECT * FROM national_pupil WHERE student_id = :id"), {"id": student})

    return read


@pytest.fixture
async def as_(settings: SyncSettings) -> AsyncIterator[Clients]:
    """`as_(actor)` → a client of the running service with that actor's token; `as_(None)` has none."""
    async with clients_of(service, settings) as client:
        yield client


Statements = Callable[[], AbstractContextManager[list[str]]]


@pytest.fixture
def statements(database: Database) -> Statements:
    """`with statements() as seen:` → the SQL of commands and builders that is executed meanwhile."""
    return lambda: executed(database.engine.sync_engine)
