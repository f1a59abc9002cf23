"""A province that review has heard of, people who act in it, and the service as they reach it over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text

from chassis.clock import now
from chassis.migrating import upgrade
from chassis.testing import deliver, spoken
from chassis.transaction import Database
from contracts import topics
from contracts.identity import OrganisationChanged
from contracts.registry import RequestSubmitted
from contracts.values import RequestKind, Stage
from review.main import service
from review.models import CaseRow
from review.settings import ReviewSettings
from review.subscribers import subscribers
from services.review.tests.province import (
    HASH,
    PLACES,
    PROVINCE,
    YEAR,
    Province,
    heard_of,
    organisations_said,
)
from tests.harness.serving import Clients, Hear, clients_of, executed, hearing, new_key, write_keyring


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A keyring of review's."""
    return write_keyring(tmp_path_factory.mktemp("keys") / "review.json")


@pytest.fixture
def settings(
    request: pytest.FixtureRequest, template_database: Callable[..., str], key_file: Path, tmp_path: Path
) -> ReviewSettings:
    """Settings for a migrated database of the test's own; it has heard of the province when the test asks for it."""

    def about(dsn: str) -> ReviewSettings:
        return ReviewSettings(
            database=dsn,
            kafka="127.0.0.1:9",
            keys=key_file,
            token_public_keys=key_file,
            data=tmp_path / "data",
            pool=20,
        )

    today = now().date()

    def migrate(empty: str) -> None:
        upgrade(empty, package="review")

    async def found(empty: str) -> None:
        await asyncio.to_thread(migrate, empty)
        database = Database(about(empty))
        await deliver(database, subscribers, heard_of(PROVINCE, today + timedelta(days=30)))
        await database.close()

    if "tree" in request.fixturenames:
        # Another one for each day: a run may go on beyond midnight.
        return about(template_database(f"review_province_{today:%m%d}", found))
    return about(template_database("review", migrate))


@pytest.fixture
async def database(settings: ReviewSettings) -> AsyncIterator[Database]:
    opened = Database(settings)
    yield opened
    await opened.close()


@pytest.fixture
def hear(database: Database) -> Hear:
    """`await hear(spoken(…), …)` → what became of each event."""
    return hearing(database, subscribers)


@pytest.fixture
def places() -> Mapping[str, UUID]:
    known: Mapping[str, UUID] = PLACES
    return known


@pytest.fixture
def organisations() -> Mapping[str, OrganisationChanged]:
    """What registry says of each place."""
    said: Mapping[str, OrganisationChanged] = organisations_said()
    return said


@pytest.fixture
def tree() -> Province:
    """The test's database has heard of all these places and people, and of a calendar whose entry window closes 30 days
    from now."""
    return PROVINCE


Submitted = Callable[..., RequestSubmitted]


@pytest.fixture
def a_request(places: Mapping[str, UUID]) -> Submitted:
    """`a_request(warnings=("age-below",))` → what registry says when the centre school submits a pupil, now."""

    def make(**changes: Any) -> RequestSubmitted:
        said = RequestSubmitted(
            kind=RequestKind.ENROLMENT,
            student_id=uuid4(),
            enrolment_id=uuid4(),
            school_id=places["school"],
            class_id=uuid4(),
            stage=Stage.PRIMARY,
            authority_id=places["county"],
            submission_number=1,
            content_hash=HASH,
            submitted_by=uuid4(),
            submitted_at=now(),
            school_year=YEAR,
        )
        return said.model_copy(update=changes)

    return make


ACase = Callable[..., Awaitable[UUID]]


@pytest.fixture
def a_case(hear: Hear, a_request: Submitted) -> ACase:
    """`await a_case(submitted_by=…)` → the id of an open case of the centre school."""

    async def make(**changes: Any) -> UUID:
        case_id = uuid4()
        assert await hear(spoken(topics.REQUEST, case_id, a_request(**changes))) == ["applied"]
        return case_id

    return make


Row = Callable[[UUID], Awaitable[Any]]


@pytest.fixture
def row_of(database: Database) -> Row:
    """`await row_of(case_id)` → the stored case."""

    async def read(case_id: UUID) -> Any:
        async with database.snapshot() as tx:
            return await tx.row(select(*CaseRow.__table__.c).where(CaseRow.id == case_id))

    return read


Said = Callable[[], Awaitable[list[tuple[UUID, str, dict[str, Any]]]]]


@pytest.fixture
def said(database: Database) -> Said:
    """`await said()` → (request, type, body) of everything that review has said, in order."""

    async def read() -> list[tuple[UUID, str, dict[str, Any]]]:
        async with database.snapshot() as tx:
            rows = await tx.rows(text("SELECT topic, subject, type, body FROM outbox ORDER BY id"))
        assert {row.topic for row in rows} <= {topics.DECISION.name}
        return [(row.subject, row.type, json.loads(row.body)) for row in rows]

    return read


Audited = Callable[[], Awaitable[list[str]]]


@pytest.fixture
def audited(database: Database) -> Audited:
    """`await audited()` → the actions of all audit entries, in no order."""

    async def read() -> list[str]:
        async with database.snapshot() as tx:
            rows = await tx.rows(text("SELECT actions FROM audit"))
        return sorted(action for row in rows for action in row.actions)

    return read


@pytest.fixture
async def as_(settings: ReviewSettings) -> AsyncIterator[Clients]:
    """`as_(actor)` → a client of the running service with that actor's token; `as_(None)` has none."""
    async with clients_of(service, settings) as client:
        yield client


@pytest.fixture
def key() -> Callable[[], dict[str, str]]:
    """`key()` → the header of a new idempotency key."""
    return new_key


Statements = Callable[[Database], AbstractContextManager[list[str]]]


@pytest.fixture
def statements() -> Statements:
    """`with statements(database) as seen:` → the SQL of commands that is executed meanwhile."""
    return lambda database: executed(database.engine.sync_engine)
