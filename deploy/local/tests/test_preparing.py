"""What `python -m local_stack prepare` leaves for programs that are started elsewhere."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from contracts.topics import TOPICS
from local_stack.kafka import KafkaServer
from local_stack.plan import SERVICES
from local_stack.postgres import PostgresServer
from local_stack.preparing import prepare
from registry.settings import RegistrySettings
from review.settings import ReviewSettings


def contents(folder: Path) -> dict[str, str]:
    return {str(each.relative_to(folder)): each.read_text() for each in folder.rglob("*") if each.is_file()}


async def test_each_program_finds_what_it_alone_may_know_and_passwords_change_when_they_are_removed(
    own_postgres: Callable[[], Awaitable[PostgresServer]],
    own_kafka: Callable[[], Awaitable[KafkaServer]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, broker = (await own_postgres()).address, (await own_kafka()).bootstrap
    keys, secrets = tmp_path / "keys", tmp_path / "secrets"
    await prepare(keys, secrets, server, broker)
    made = contents(secrets)
    assert set(made) == {"nation/keys.json"} | {
        f"{service}/{file}"
        for service in SERVICES
        for file in ("keys.json", "token-public.json", f"{service}_database")
    }
    assert {each.stat().st_mode & 0o777 for each in secrets.rglob("*") if each.is_file()} == {0o600}
    assert server.password not in str(made)

    read = {}
    for settings in (RegistrySettings, ReviewSettings):
        name = settings.model_config["env_prefix"].removesuffix("_")
        folder = secrets / name.lower()
        monkeypatch.setenv("SECRETS_DIR", str(folder))
        monkeypatch.setenv(f"{name}_KAFKA", broker)
        monkeypatch.setenv(f"{name}_KEYS", str(folder / "keys.json"))
        monkeypatch.setenv(f"{name}_TOKEN_PUBLIC_KEYS", str(folder / "token-public.json"))
        monkeypatch.setenv(f"{name}_DATA", str(tmp_path))
        read[name] = settings.read().database.replace("+asyncpg", "")
    for name, database in read.items():
        connection = await asyncpg.connect(database)
        assert await connection.fetchval("SELECT count(*) FROM outbox") == 0
        assert await connection.fetchval("SELECT current_user") == name.lower()
        await connection.close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(read["REVIEW"].replace("review", "registry"))

    monkeypatch.setenv("SECRETS_DIR", str(secrets / "registry"))
    first = tmp_path / "first.json"
    words = ["-m", "registry", "found-province", f"--accounts={first}"]
    founding = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.DEVNULL)
    assert await founding.wait() == 0
    assert json.loads(first.read_text()).keys() == {"login", "initial_password"}

    sealed = {topic.name for topic in TOPICS if topic.sealed and "nation" in (topic.writer, *topic.readers)}
    assert set(json.loads(made["nation/keys.json"])["wire"]) == sealed

    await prepare(keys, secrets, server, broker)
    assert contents(secrets) == made

    (keys / "passwords.json").unlink()
    await prepare(keys, secrets, server, broker)
    changed = {name for name, content in contents(secrets).items() if content != made[name]}
    assert changed == {f"{service}/{service}_database" for service in SERVICES}
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(read["REVIEW"])
    connection = await asyncpg.connect((secrets / "review/review_database").read_text().replace("+asyncpg", ""))
    await connection.close()
