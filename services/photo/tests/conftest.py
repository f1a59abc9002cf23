"""A province that photo has heard of, people who act in it, pictures, and the service as they reach it over HTTP."""

import io
import json
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from PIL import Image, ImageDraw
from sqlalchemy import text

from chassis.identity import Actor
from chassis.migrating import upgrade
from chassis.objects import opened
from chassis.sealing import Vault
from chassis.testing import spoken
from chassis.transaction import Database
from contracts import topics
from contracts.identity import AccountChanged, AuthorityLink, OrganisationChanged
from contracts.registry import MatchIndexes, StudentChanged
from contracts.values import OrganisationKind, Role, Stage, StudentStatus
from photo.jobs import ArchiveJob
from photo.main import BUILDERS, service
from photo.settings import PhotoSettings
from photo.storage import Album
from photo.subscribers import subscribers
from photo.working import Workshop
from tests.harness.serving import Clients, Hear, clients_of, executed, hearing, write_keyring


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A keyring of photo's."""
    return write_keyring(tmp_path_factory.mktemp("keys") / "photo.json", blind=("match",))


@pytest.fixture
def settings(template_database: Callable[..., str], key_file: Path, tmp_path: Path) -> PhotoSettings:
    """Settings for a migrated database and a folder of the test's own."""
    dsn = template_database("photo", lambda empty: upgrade(empty, package="photo"))
    return PhotoSettings(
        database=dsn, kafka="127.0.0.1:9", keys=key_file, token_public_keys=key_file, data=tmp_path / "data", children=1
    )


@pytest.fixture
def vault(settings: PhotoSettings) -> Vault:
    return Vault.read(settings.keys)


@pytest.fixture
async def database(settings: PhotoSettings) -> AsyncIterator[Database]:
    made = Database(settings, builders=BUILDERS)
    yield made
    await made.close()


@pytest.fixture(scope="session")
def workshop() -> Iterator[Workshop]:
    """Children that decode, kept for the whole run."""
    made = Workshop(1)
    yield made
    made.close()


@pytest.fixture
def album(settings: PhotoSettings, vault: Vault) -> Album:
    return Album(opened(settings.objects_url), vault)


@pytest.fixture
def job(database: Database, album: Album, workshop: Workshop, vault: Vault) -> ArchiveJob:
    return ArchiveJob(database, album, workshop, vault)


@pytest.fixture
def hear(database: Database) -> Hear:
    """`await hear(spoken(…), …)` → what became of each event."""
    return hearing(database, subscribers)


Told = Callable[[], Awaitable[list[tuple[UUID, int, dict[str, Any] | None]]]]


@pytest.fixture
def told(database: Database) -> Told:
    """`await told()` → (enrolment, version, body) of everything that photo has said, in order."""

    async def read() -> list[tuple[UUID, int, dict[str, Any] | None]]:
        async with database.snapshot() as tx:
            rows = await tx.rows(text("SELECT topic, subject, version, body FROM outbox ORDER BY id"))
        assert {row.topic for row in rows} <= {topics.PHOTO.name}
        return [(row.subject, row.version, json.loads(row.body) if row.body else None) for row in rows]

    return read


@pytest.fixture
def places() -> Mapping[str, UUID]:
    return {name: uuid4() for name in ("province", "county", "other_county", "school", "campus", "other_school")}


@pytest.fixture
async def people(hear: Hear, places: Mapping[str, UUID]) -> Mapping[str, Actor]:
    """Everything heard: 安徽 > 长丰 (school, with a campus) and 肥东 (other_school)."""
    kind = OrganisationKind
    where: Mapping[str, tuple[OrganisationKind, str, str | None]] = {
        "province": (kind.PROVINCE, "安徽省教育厅", None),
        "county": (kind.COUNTY, "长丰县教育局", "province"),
        "other_county": (kind.COUNTY, "肥东县教育局", "province"),
        "school": (kind.SCHOOL, "长丰县水湖学区中心校", "county"),
        "campus": (kind.CAMPUS, "费岗分校", "school"),
        "other_school": (kind.SCHOOL, "肥东县店埠小学", "other_county"),
    }
    since = date(2020, 9, 1)
    for name, (what, title, parent) in where.items():
        over = places[parent] if parent else None
        links = (AuthorityLink(authority_id=over, valid_from=since),) if over and what is kind.SCHOOL else ()
        organisation = OrganisationChanged(
            kind=what, name=title, code="3401", parent_id=over, authorities=links, valid_from=since
        )
        assert await hear(spoken(topics.ORGANISATION, places[name], organisation)) == ["applied"]
    actors = {
        "admin": _actor(places["province"], Role.PROVINCE_ADMIN),
        "officer": _actor(places["county"], Role.OFFICER),
        "other_officer": _actor(places["other_county"], Role.OFFICER),
        "registrar": _actor(places["school"], Role.REGISTRAR),
        "teacher": _actor(places["school"], Role.TEACHER),
        "other_registrar": _actor(places["other_school"], Role.REGISTRAR),
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


APupil = Callable[..., StudentChanged]


@pytest.fixture
def a_pupil(places: Mapping[str, UUID], vault: Vault) -> APupil:
    """`a_pupil(document="…", name=("2134000001", "2026101", "张三"))` → what registry says of a first-grader."""

    def make(
        document: str | None = None,
        number: str | None = None,
        name: tuple[str, str, str] | None = None,
        **changes: Any,
    ) -> StudentChanged:
        def index(kind: str, *parts: str) -> str:
            return vault.blind("match", kind, *parts).hex()

        said = StudentChanged(
            status=StudentStatus.DRAFT,
            enrolment_id=uuid4(),
            school_id=places["school"],
            class_id=None,
            stage=Stage.PRIMARY,
            entry_year=2026,
            first_grade=True,
            match=MatchIndexes(
                document=index("document", document) if document else None,
                student_number=index("number", number) if number else None,
                school_class_name=index("name", *name) if name else None,
            ),
        )
        return said.model_copy(update=changes)

    return make


def _picture(seed: int = 0, width: int = 716, height: int = 882, form: str = "JPEG") -> bytes:
    image = Image.new("RGB", (width, height), (120, 170, 230))
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.25, height * 0.2, width * 0.75, height * 0.7), fill=(235, 200, 170 - seed % 100))
    draw.rectangle((width * 0.15, height * 0.75, width * 0.85, height), fill=(40, 40 + seed % 100, 90))
    out = io.BytesIO()
    image.save(out, form)
    return out.getvalue()


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """`picture(3)` → a good picture that differs from `picture(4)`."""
    return _picture


@pytest.fixture
def zipped() -> Callable[..., bytes]:
    """`zipped(("a.jpg", content), …)` → an archive."""

    def make(*files: tuple[str, bytes]) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as target:
            for name, content in files:
                target.writestr(name, content)
        return out.getvalue()

    return make


@pytest.fixture
async def as_(settings: PhotoSettings) -> AsyncIterator[Clients]:
    """`as_(actor)` → a client of the running service with that actor's token; `as_(None)` has none."""
    async with clients_of(service, settings) as client:
        yield client


@pytest.fixture
def statements(database: Database) -> Callable[[], AbstractContextManager[list[str]]]:
    """`with statements() as seen:` → the SQL of commands and builders that is executed meanwhile."""
    return lambda: executed(database.engine.sync_engine)
