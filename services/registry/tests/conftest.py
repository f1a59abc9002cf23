"""A founded province on a real database, people who act in it, and the service as they reach it over HTTP."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text, update

from chassis.identity import Actor
from chassis.migrating import upgrade
from chassis.sealing import Vault
from chassis.transaction import Database, Tx
from contracts.record import Family, StudentRecord
from contracts.topics import Topic
from contracts.values import OrganisationKind, Role, Schooling, Stage, check_digit
from registry.account import commands as account_commands
from registry.account.models import AccountRow
from registry.calendar import commands as calendar_commands
from registry.classes import commands as class_commands
from registry.classes.models import ClassRow
from registry.main import BUILDERS, service
from registry.organisation import commands as organisation_commands
from registry.settings import RegistrySettings
from registry.student.commands import Entry
from tests.harness.pupils import NEVER, close_entry
from tests.harness.serving import Clients, clients_of, executed, new_key, write_keyring


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A keyring of registry's."""
    return write_keyring(
        tmp_path_factory.mktemp("keys") / "registry.json",
        blind=("uniqueness", "match", "name"),
        wire=("registry.student-record.v1", "sync.outcome.v1"),
    )


@pytest.fixture
def settings(template_database: Callable[..., str], key_file: Path, tmp_path: Path) -> RegistrySettings:
    """Settings for a migrated database of the test's own."""
    dsn = template_database("registry", lambda empty: upgrade(empty, package="registry"))
    return RegistrySettings(
        database=dsn,
        kafka="127.0.0.1:9",
        keys=key_file,
        token_public_keys=key_file,
        data=tmp_path / "data",
        trusted_proxies=("127.0.0.1",),
    )


@pytest.fixture
def vault(settings: RegistrySettings) -> Vault:
    return Vault.read(settings.keys)


@pytest.fixture
async def database(settings: RegistrySettings) -> AsyncIterator[Database]:
    opened = Database(settings, builders=BUILDERS)
    yield opened
    await opened.close()


@dataclass(frozen=True, slots=True)
class Tree:
    """Province 安徽 > 合肥市 > 长丰县 (with a centre school and its campus) and 肥东县 (with a school).

    The junior school stands in 长丰县 and is managed by the city. Everybody named acts; nobody needed to sign in.
    """

    province: UUID
    city: UUID
    county: UUID
    other_county: UUID
    school: UUID
    campus: UUID
    junior: UUID
    other_school: UUID
    admin: Actor
    city_officer: Actor
    officer: Actor
    other_officer: Actor
    registrar: Actor
    junior_registrar: Actor
    other_registrar: Actor
    teacher: Actor


Spoken = Callable[[Topic], Awaitable[list[tuple[UUID, dict[str, Any]]]]]


@pytest.fixture
async def tree(database: Database, vault: Vault) -> Tree:
    async with database.transaction() as tx:
        return await _founded(tx, vault)


async def _founded(tx: Tx, vault: Vault) -> Tree:
    new = organisation_commands.NewOrganisation
    kind = OrganisationKind
    since = date(2020, 9, 1)
    blank = new(kind.PROVINCE, "安徽省教育厅", "340000000000", None, "340000", valid_from=since)
    province = await organisation_commands.create(tx, blank)
    await calendar_commands.found(tx, province)
    city = await organisation_commands.create(
        tx,
        replace(
            blank, kind=kind.CITY, name="合肥市教育局", code="340100000000", parent_id=province, region_code="340100"
        ),
    )
    county = replace(
        blank, kind=kind.COUNTY, name="长丰县教育局", code="340121000000", parent_id=city, region_code="340121"
    )
    county_id = await organisation_commands.create(tx, county)
    other = replace(county, name="肥东县教育局", code="340122000000", region_code="340122")
    other_id = await organisation_commands.create(tx, other)
    school = replace(
        county,
        kind=kind.SCHOOL,
        name="长丰县水湖学区中心校",
        code="2134000001",
        parent_id=county_id,
        category="211",
        ownership="1",
        setting="121",
        schooling=Schooling.SIX_THREE,
    )
    school_id = await organisation_commands.create(tx, school)
    campus = replace(
        school,
        kind=kind.CAMPUS,
        name="水湖学区中心校费岗分校",
        code="",
        parent_id=school_id,
        category=None,
        schooling=None,
    )
    junior = replace(
        school, name="长丰县实验初级中学", code="3134000001", category="311", stages=(Stage.JUNIOR,), authority_id=city
    )
    elsewhere = replace(
        school, name="肥东县店埠小学", code="2134000002", parent_id=other_id, region_code="340122", authority_id=None
    )
    campus_id = await organisation_commands.create(tx, campus)
    junior_id = await organisation_commands.create(tx, junior)
    elsewhere_id = await organisation_commands.create(tx, elsewhere)
    return Tree(
        province=province,
        city=city,
        county=county_id,
        other_county=other_id,
        school=school_id,
        campus=campus_id,
        junior=junior_id,
        other_school=elsewhere_id,
        admin=await _account(tx, vault, "admin", province, Role.PROVINCE_ADMIN),
        city_officer=await _account(tx, vault, "hefei01", city, Role.OFFICER),
        officer=await _account(tx, vault, "changfeng01", county_id, Role.OFFICER),
        other_officer=await _account(tx, vault, "feidong01", other_id, Role.OFFICER),
        registrar=await _account(tx, vault, "shuihu01", school_id, Role.REGISTRAR),
        junior_registrar=await _account(tx, vault, "shuihu02", junior_id, Role.REGISTRAR),
        other_registrar=await _account(tx, vault, "dianbu01", elsewhere_id, Role.REGISTRAR),
        teacher=await _account(tx, vault, "shuihu03", school_id, Role.TEACHER),
    )


async def _account(tx: Tx, vault: Vault, login: str, organisation: UUID, role: Role) -> Actor:
    account_id = await account_commands.create(
        tx,
        vault,
        login=login,
        organisation_id=organisation,
        roles=(role,),
        password_hash="$nobody$",
        display_name=f"{login}的使用人",
    )
    found = await tx.row(select(AccountRow.person_id).where(AccountRow.id == account_id))
    assert found is not None
    return Actor(
        account_id=account_id,
        person_id=found.person_id,
        organisation_id=organisation,
        roles=frozenset({role}),
        version=1,
        session_id=None,
    )


AClass = Callable[..., Awaitable[UUID]]


@pytest.fixture
def a_class(database: Database, vault: Vault, tree: Tree) -> AClass:
    """`await a_class(capacity=10)` → id of a class of the centre school, within a plan that is raised for it."""

    async def make(
        school: UUID | None = None,
        *,
        stage: Stage = Stage.PRIMARY,
        entry_year: int = 2026,
        campus: UUID | None = None,
        head_teacher: str | None = "王老师",
        capacity: int | None = None,
    ) -> UUID:
        async with database.transaction(tree.registrar) as tx:
            where = school or tree.school
            await class_commands.set_plan(tx, where, stage, entry_year, 99)
            new = class_commands.NewClass(stage, entry_year, campus_id=campus, head_teacher=head_teacher)
            class_id = await class_commands.create(tx, vault, where, new)
            if capacity is not None:
                await tx.execute(update(ClassRow).where(ClassRow.id == class_id).values(capacity=capacity))
        return class_id

    return make


@pytest.fixture
async def season(database: Database, tree: Tree) -> None:
    """The new pupils of 2026 may be entered today, whatever day it is."""
    await close_entry(database, tree.province, NEVER)


def citizen_id(sequence: int, born: str = "20200315", region: str = "999999") -> str:
    """A valid citizen ID of nobody: its region was never assigned. An odd sequence is a boy's."""
    seventeen = f"{region}{born}{sequence:03}"
    return seventeen + check_digit(seventeen)


def _pupil(number: int = 1, **changed: Any) -> StudentRecord:
    """A boy of six with everything filled in; the number makes him another one."""
    mother = Family(
        name="陈静", relation="2", address="水湖镇1号", residence="340121000000", phone="13900000002", guardian="1",
        document_type="1", document_number=citizen_id(number * 2 % 1000, "19920202", "999998"),
    )  # fmt: skip
    father = mother.model_copy(
        update={
            "name": "张强",
            "relation": "1",
            "document_number": citizen_id((number * 2 - 1) % 1000, "19900101", "999998"),
        }
    )
    values: dict[str, Any] = {
        "name": f"张{'一二三四五六七八九'[number % 9]}", "sex": "1", "birth_date": date(2020, 3, 15),
        "birthplace": "340121000000", "native_place": "安徽长丰", "ethnicity": "01", "nationality": "CHN",
        "document_type": "1", "document_number": citizen_id((number * 2 - 1) % 1000, region=f"9999{number // 500:02}"),
        "overseas": "00", "health": "10", "residence": "340121000000", "residence_kind": "1", "entry_month": "202609",
        "entry_way": "11", "attendance": "1", "address": "水湖镇1号", "postal_address": "水湖镇1号",
        "home_address": "水湖镇1号", "phone": "13900000001", "postcode": "231100", "only_child": "0",
        "preschool": "1", "left_behind": "0", "migrant": "0", "orphan": "0", "martyr": "0", "needs_aid": "0",
        "boarding_subsidy": "0", "family": (father, mother),
    }  # fmt: skip
    return StudentRecord(**{**values, **changed})


@pytest.fixture
def a_record() -> Callable[..., StudentRecord]:
    """`a_record(2, name="李华")` → the record of the second pupil, under that name."""
    return _pupil


@pytest.fixture
def an_entry() -> Callable[..., Entry]:
    """`an_entry(2, class_number="2026101", name="李华")` → the second pupil as the second row of a sheet."""

    def make(
        number: int = 1,
        *,
        row: int | None = None,
        class_number: str | None = None,
        grade: int | None = 1,
        school_code: str | None = None,
        continuation: str | None = None,
        reasons: str | None = None,
        **changed: Any,
    ) -> Entry:
        return Entry(
            number if row is None else row, _pupil(number, **changed), class_number, grade, school_code, continuation,
            reasons,
        )  # fmt: skip

    return make


@pytest.fixture
async def as_(settings: RegistrySettings) -> AsyncIterator[Clients]:
    """`as_(actor)` → a client of the running service with that actor's token; `as_(None)` has none."""
    async with clients_of(service, settings) as client:
        yield client


@pytest.fixture
def key() -> Callable[[], dict[str, str]]:
    """`key()` → the header of a new idempotency key."""
    return new_key


@pytest.fixture
def spoken(database: Database) -> Spoken:
    """`await spoken(topic)` → (subject, body) of everything that was said on it, in order."""

    async def read(topic: Topic) -> list[tuple[UUID, dict[str, Any]]]:
        async with database.snapshot() as tx:
            rows = await tx.rows(
                text("SELECT subject, body FROM outbox WHERE topic = :t ORDER BY id").bindparams(t=topic.name)
            )
        return [(row.subject, row.body if isinstance(row.body, dict) else json.loads(row.body)) for row in rows]

    return read


@pytest.fixture
def statements() -> Callable[[Tx], AbstractContextManager[list[str]]]:
    """`with statements(tx) as count:` → the SQL that the transaction executed meanwhile."""
    return lambda tx: executed(tx.connection.sync_connection)
