"""What import-linter cannot say, read from the code's syntax trees."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts import topics
from contracts.event import Event, Words
from contracts.record import BY_FIELD, FAMILY_BY_FIELD
from contracts.topics import Kind, Topic

ROOT = Path(__file__).parents[2]
SERVICES = ("registry", "review", "photo", "sync", "portal")
SERVICE_FILES = sorted(
    path
    for service in SERVICES
    for path in (ROOT / "services" / service / service).rglob("*.py")
    if "migrations" not in path.parts
)
ALL_FILES = sorted(
    path
    for place in ("contracts", "services", "deploy", "tests")
    for path in (ROOT / place).rglob("*.py")
    if "versions" not in path.parts
)
SQL_ROOMS = {"commands", "queries", "timers", "models"}
"""`models` declares tables; the builders of statements stand in commands, queries and timers."""
STATEMENTS = {"select", "insert", "update", "delete", "text", "sql", "expression", ""}
"""With the modules that have them; the empty name is `import sqlalchemy`, by whatever name it is used."""
IMPURE = {
    "now", "utcnow", "today", "uuid1", "uuid4", "uuid6", "uuid7", "random", "token_bytes", "token_hex", "token_urlsafe",
    "urandom", "new_id",
}  # fmt: skip
CLIENTS = {"httpx2", "httpx", "requests", "aiohttp", "urllib3", "httpcore2", "ftplib", "smtplib", "websockets"}
ASKS = {
    "services/portal/portal/main.py",
    "services/portal/portal/visiting.py",
    "services/portal/portal/clients/calling.py",
}
FORBIDDEN_NAMES = {
    "utils.py",
    "util.py",
    "helpers.py",
    "helper.py",
    "common.py",
    "manager.py",
    "misc.py",
    "base.py",
    "service.py",
}
PERSONAL = {
    "name", "document_number", "phone", "address", "home_address", "postal_address", "birth_date", "email", "pinyin",
    "former_name", "student_number", "citizen_id", "display_name", "person_name", *BY_FIELD, *FAMILY_BY_FIELD,
}  # fmt: skip
"""What we call so, and every item of the form."""
NOT_OF_PERSONS = {
    ("OrganisationChanged", "name"),
    ("ClassChanged", "name"),
    ("MatchIndexes", "student_number"),
    ("Extension", "document_number"),
}
"""Names of schools and classes are public; the match index is a keyed hash; an extension names an official paper."""


def room(path: Path) -> str:
    """The room of a file: its own name, or the package's where a room has become one."""
    service = path.relative_to(ROOT / "services").parts[0]
    inside = path.relative_to(ROOT / "services" / service / service).with_suffix("").parts
    rooms = {"errors", "domain", "models", "commands", "queries", "api", "subscribers", "timers", "settings", "main"}
    return next((part for part in inside if part in rooms), inside[-1])


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def imported(module: ast.Module) -> Iterator[tuple[str, str, int]]:
    """(module, name, line) of every import."""
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield node.module, alias.name, node.lineno
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, "", node.lineno


def named(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def sql_outside(path: Path, source: str) -> list[str]:
    """Lines of a service's file that build SQL in a room that may not."""
    if room(path) in SQL_ROOMS:
        return []
    return [
        f"{named(path, line)} imports {name or 'all'} of SQLAlchemy: SQL belongs in commands, queries or timers"
        for module, name, line in imported(ast.parse(source))
        if module.split(".")[0] == "sqlalchemy" and name in STATEMENTS
    ]


def commits(path: Path, source: str) -> list[str]:
    """Lines that end a transaction themselves."""
    return [
        f"{named(path, node.lineno)} calls {node.func.attr}(): only the chassis ends a transaction"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"commit", "rollback"}
    ]


def impure(path: Path, source: str) -> list[str]:
    """Lines of a domain that know time, chance, or wait."""
    if room(path) != "domain":
        return []
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await):
            found.append(f"{named(path, node.lineno)} waits")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in IMPURE:
            found.append(f"{named(path, node.lineno)} calls {node.func.attr}()")
    for module, name, line in imported(ast.parse(source)):
        # A name that is imported may be called, or handed on, by any other name.
        if module.split(".")[0] in {"random", "secrets", "time", "uuid_utils"} or name in IMPURE:
            found.append(f"{named(path, line)} imports {name or module}")
    return found


def runs_data(path: Path, source: str) -> list[str]:
    """Lines that make code or objects of what may have come from outside."""
    parsed = ast.parse(source)
    found = [
        f"{named(path, line)} imports {module}"
        for module, _, line in imported(parsed)
        if module.split(".")[0] in {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
    ]
    for node in ast.walk(parsed):
        if isinstance(node, ast.Call):
            called, keywords = ast.unparse(node.func), {each.arg for each in node.keywords}
            if called in {"eval", "exec", "__import__", "yaml.load", "yaml.unsafe_load", "os.system"}:
                found.append(f"{named(path, node.lineno)} calls {called}()")
            if "shell" in keywords:
                found.append(f"{named(path, node.lineno)} has a shell run something")
    return found


def talks_elsewhere(path: Path, source: str) -> list[str]:
    """Lines that bring an HTTP or mail client, where nobody is to be asked: an address may have come from outside."""
    return [
        f"{named(path, line)} imports {module}: only the portal asks, and only the services that it was told"
        for module, _, line in imported(ast.parse(source))
        if module.split(".")[0] in CLIENTS or module in {"urllib.request", "http.client"}
        if str(path.relative_to(ROOT)) not in ASKS
    ]


@pytest.mark.parametrize("rule", [sql_outside, commits, impure], ids=lambda rule: rule.__name__)
def test_the_services_keep_the_rule(rule: object) -> None:
    assert callable(rule)
    assert [line for path in SERVICE_FILES for line in rule(path, path.read_text("utf-8"))] == []


@pytest.mark.parametrize("rule", [runs_data, talks_elsewhere], ids=lambda rule: rule.__name__)
def test_whatever_runs_in_production_keeps_the_rule(rule: object) -> None:
    assert callable(rule)
    files = [path for path in ALL_FILES if path.parts[len(ROOT.parts)] in ("contracts", "services")]
    files = [path for path in files if "tests" not in path.parts]
    assert {ROOT / each for each in ASKS} <= set(files)
    assert [line for path in files for line in rule(path, path.read_text("utf-8"))] == []


@pytest.mark.parametrize(
    ("rule", "place", "source"),
    [
        (sql_outside, "services/review/review/api.py", "from sqlalchemy import select"),
        (sql_outside, "services/review/review/api.py", "import sqlalchemy as sa\nx = sa.select(1)"),
        (sql_outside, "services/review/review/api.py", "import sqlalchemy.dialects.postgresql"),
        (sql_outside, "services/review/review/subscribers.py", "from sqlalchemy import sql"),
        (sql_outside, "services/photo/photo/jobs.py", "from sqlalchemy.dialects.postgresql import insert as put"),
        (commits, "services/review/review/commands.py", "async def f(tx):\n    await tx.connection.commit()"),
        (impure, "services/review/review/domain.py", "from datetime import datetime\nx = datetime.now()"),
        (impure, "services/registry/registry/student/domain/age.py", "import random"),
        (impure, "services/review/review/domain.py", "from uuid import uuid4\nx = uuid4()"),
        (impure, "services/review/review/domain.py", "from uuid import uuid4 as made\nx = made()"),
        (impure, "services/review/review/domain.py", "from chassis.ids import new_id\nx = new_id()"),
        (impure, "services/review/review/domain.py", "from os import urandom\nx = urandom(8)"),
        (impure, "services/review/review/domain.py", "from chassis.clock import now\nx = now()"),
        (impure, "services/review/review/domain.py", "import uuid\nx = uuid.uuid4()"),
        (impure, "services/review/review/domain.py", "async def f(): ..."),
        (runs_data, "services/chassis/chassis/envelope.py", "from pickle import loads"),
        (runs_data, "services/chassis/chassis/envelope.py", "x = eval(body)"),
        (runs_data, "services/sync/sync/national.py", "import yaml\nx = yaml.load(body)"),
        (runs_data, "services/photo/photo/checks.py", "subprocess.run(name, shell=True)"),
        (talks_elsewhere, "services/sync/sync/commands.py", "import httpx2"),
        (talks_elsewhere, "services/review/review/queries/cases.py", "from urllib.request import urlopen"),
    ],
)
def test_a_breach_is_seen(rule: object, place: str, source: str) -> None:
    assert callable(rule)
    assert len(rule(ROOT / place, source)) == 1


def personal_fields(topic: Topic) -> list[str]:
    """Fields of an unsealed topic, however deep inside, that are called as something personal is."""
    found: list[str] = []
    pending: list[type] = [] if topic.sealed else list(topic.events)
    seen: set[type] = set()
    while pending:
        model = pending.pop()
        if model in seen:
            continue
        seen.add(model)
        for field, info in model.model_fields.items():  # type: ignore[attr-defined]  # only models come here
            if field in PERSONAL and (model.__name__, field) not in NOT_OF_PERSONS:
                found.append(f"{topic.name}: {model.__name__}.{field}")
            pending += _models_in(info.annotation)
    return found


def test_no_personal_field_is_named_in_an_unsealed_contract() -> None:
    assert [line for topic in topics.TOPICS for line in personal_fields(topic)] == []


class Kin(Words):
    """A part of a breach: a field of the form, one of a family member, one that only we call so."""

    blood_type: str
    workplace: str
    citizen_id: str
    number: int


class KinTold(Event):
    """A breach."""

    kin: tuple[Kin, ...] | None


@pytest.mark.parametrize(("sealed", "told"), [(False, {"blood_type", "workplace", "citizen_id"}), (True, set())])
def test_a_personal_field_in_an_unsealed_contract_is_seen(sealed: bool, told: set[str]) -> None:
    topic = Topic("review.kin.v1", Kind.FACT, "review", frozenset({"sync"}), (KinTold,), "id", 6, sealed)
    assert {line.rpartition(".")[2] for line in personal_fields(topic)} == told


def _models_in(annotation: object) -> list[type]:
    from typing import get_args

    inner = [model for part in get_args(annotation) for model in _models_in(part)]
    return [annotation, *inner] if isinstance(annotation, type) and hasattr(annotation, "model_fields") else inner


def test_every_topic_has_one_writer_and_names_its_owner() -> None:
    assert len({topic.name for topic in topics.TOPICS}) == len(topics.TOPICS)
    owners = {"national": "nation"}
    for topic in topics.TOPICS:
        assert re.fullmatch(r"[a-z]+\.[a-z-]+\.v\d+", topic.name)
        assert topic.writer == owners.get(topic.name.split(".")[0], topic.name.split(".")[0])
        assert topic.writer not in topic.readers


def test_no_file_is_longer_than_400_lines_or_named_for_nothing() -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in ALL_FILES}
    assert [f"{path.relative_to(ROOT)} has {n} lines" for path, n in lengths.items() if n > 400] == []
    allowed = {ROOT / "services/chassis/chassis/service.py"}  # the chassis's word for what it runs
    assert [
        str(path.relative_to(ROOT))
        for path in ALL_FILES
        if path.name in FORBIDDEN_NAMES - set() and path not in allowed
    ] == []


def test_no_sql_text_is_put_together_from_strings() -> None:
    found = [
        named(path, node.lineno)
        for path in ALL_FILES
        if "tests" not in path.parts and "sqlalchemy" in path.read_text("utf-8")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", "")) == "text"
        and node.args
        and isinstance(node.args[0], ast.JoinedStr)
    ]
    assert found == []


def test_tests_never_sleep() -> None:
    found = [
        named(path, node.lineno)
        for path in ALL_FILES
        if "tests" in path.parts  # fixtures, the rig and the benchmarks wait through tests/harness/eventually.py too
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "asyncio.sleep"}
    ]  # fmt: skip
    assert found == []


def test_only_the_chassis_makes_subscribers_and_producers() -> None:
    found = [
        named(path, line)
        for path in SERVICE_FILES
        for module, _, line in imported(tree(path))
        if module.split(".")[0] in {"faststream", "aiokafka"}
    ]
    assert found == []
