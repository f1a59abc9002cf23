"""What a local stack consists of: every program, its settings, and what it needs first."""

import asyncio
import hashlib
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from local_stack.kafka import KafkaServer
from local_stack.keys import passwords, write_keyrings
from local_stack.layout import Layout, read_json, write_json
from local_stack.ports import LOOPBACK, free_port, is_free
from local_stack.postgres import PostgresServer
from local_stack.process import Program, run_to_end
from local_stack.refusing import CannotStartError
from local_stack.supervisor import Unit

SERVICES = ("registry", "review", "photo", "sync")
ROLES = ("api", "worker", "relay")
PORTAL_PORT = 8480
PARTITIONS_CAP = 6
"""A topic has at most this many partitions on a laptop."""


@dataclass(frozen=True, slots=True)
class Choices:
    """How the person at the keyboard wants the stack."""

    portal_port: int = PORTAL_PORT
    split: bool = False
    """Each service as separate api, worker and relay processes, as in production; otherwise all in one."""
    servers_only: bool = False
    """PostgreSQL, Kafka and the topics, no service: for a team that starts its own by hand."""


class Plan:
    """The programs of one stack on one folder."""

    def __init__(self, layout: Layout, choices: Choices) -> None:
        """Choose the ports, make the secrets.

        Raises CannotStartError when the portal's port is taken.
        """
        self.layout = layout
        self.choices = choices
        self._passwords = passwords(layout.secrets, ["postgres", *SERVICES])
        self._keyrings = write_keyrings(layout.secrets, list(SERVICES))
        self._ports = _Ports(layout.ports, apart_from=choices.portal_port)
        if not choices.servers_only and not is_free(choices.portal_port):
            raise CannotStartError(
                f"Port {choices.portal_port} is in use by another program: "
                f"stop that, or choose another with `make run PORTAL_PORT={choices.portal_port + 1}`."
            )
        self.postgres = PostgresServer(
            layout.postgres,
            port=self._ports["postgres"],
            password=self._passwords["postgres"],
            log=layout.log("postgres"),
        )
        self.kafka = KafkaServer(
            layout.kafka,
            port=self._ports["kafka"],
            controller_port=self._ports["kafka-controller"],
            log=layout.log("kafka"),
        )
        self._processes = {} if choices.servers_only else self._service_processes()
        if not choices.servers_only:
            self._processes["nation"] = ("nation", [], self._ports["nation"])
        self._ports.keep()

    def description(self, pids: Mapping[str, int], *, ready: bool) -> dict[str, object]:
        """The content of `stack.json`; `ready` once everything was."""
        known = {
            "ready": ready,
            "portal": self.portal_url,
            "kafka": self.kafka.bootstrap,
            "services": {service: self.service_url(service) for service in SERVICES},
            "nation": f"http://{LOOPBACK}:{self._ports['nation']}",
            "postgres": {service: self.dsn(service) for service in SERVICES},
            "accounts": str(self.layout.accounts),
            "first_account": str(self.layout.first_account),
            "keys": {name: str(file) for name, file in self._keyrings.items()},
            "logs": str(self.layout.logs),
            "launcher": os.getpid(),
            "processes": dict(pids),
            "revived": [] if self.choices.servers_only else [*self._processes, "portal"],
        }
        if self.choices.servers_only:
            for name in ("portal", "services", "nation", "accounts", "first_account"):
                known.pop(name)
        return known

    @property
    def portal_url(self) -> str:
        return f"http://{LOOPBACK}:{self.choices.portal_port}"

    def service_url(self, service: str) -> str:
        """Where the service answers HTTP."""
        return f"http://{LOOPBACK}:{self._ports[service]}"

    def dsn(self, service: str, driver: str = "postgresql") -> str:
        """The service's own database, as its owner."""
        return self.postgres.address.dsn(service, user=service, password=self._passwords[service], driver=driver)

    def units(self) -> list[Unit]:
        """Everything, in no particular order: each unit names what it needs."""
        units = [
            Unit("postgres", self.postgres.prepare, tidy=self.postgres.tidy),
            Unit("kafka", self.kafka.prepare, tidy=self.kafka.tidy),
            Unit("databases", self._create_databases, after=["postgres"]),
            Unit("topics", self._create_topics, after=["kafka"]),
        ]
        if self.choices.servers_only:
            return units
        units += [
            Unit(f"{service} migration", partial(self._migrate, service), after=["databases"]) for service in SERVICES
        ]
        units.append(Unit("province", self._found_province, after=["registry migration"]))
        for name, (package, words, port) in self._processes.items():
            needs = ["topics", f"{package} migration"] if package in SERVICES else ["topics"]
            units.append(Unit(name, partial(self._python, name, package, words, port), after=needs))
        units.append(
            # The portal asks the services only when somebody asks it: it starts beside them.
            Unit("portal", partial(self._python, "portal", "portal", [], self.choices.portal_port))
        )
        return units

    def environment(self, package: str, port: int, replica: str = "0") -> dict[str, str]:
        """The settings of one process of a package, as environment variables."""
        settings: dict[str, str] = {"HOST": LOOPBACK, "PORT": str(port)}
        if package == "portal":
            settings |= {service.upper(): self.service_url(service) for service in SERVICES}
        elif package == "nation":
            settings |= {"KAFKA": self.kafka.bootstrap, "KEYS": str(self._keyrings["nation"])}
            settings["DATA"] = str(self.layout.objects("nation"))
        else:
            settings |= {
                "DATABASE": self.dsn(package, driver="postgresql+asyncpg"),
                "KAFKA": self.kafka.bootstrap,
                "KEYS": str(self._keyrings[package]),
                "TOKEN_PUBLIC_KEYS": str(self._keyrings["token_public"]),
                "DATA": str(self.layout.objects(package)),
                "REPLICA": replica,
                "PARTITIONS_CAP": str(PARTITIONS_CAP),
            }
        settings["REVIVED"] = "true"
        named = {f"{package.upper()}_{name}": value for name, value in settings.items()}
        # Line-buffered logs, and no stray files in the checkout.
        return {**named, "PYTHONUNBUFFERED": "1"}

    def _service_processes(self) -> dict[str, tuple[str, Sequence[str], int]]:
        """Name → package, words after `python -m package`, port."""
        if not self.choices.split:
            return {service: (service, ["all"], self._ports[service]) for service in SERVICES}
        return {
            f"{service}-{role}": (service, [role], self._ports[service if role == "api" else f"{service}-{role}"])
            for service in SERVICES
            for role in ROLES
        }

    async def _create_databases(self) -> None:
        for service in SERVICES:
            await self.postgres.address.create_role(service, self._passwords[service])
            await self.postgres.address.create_database(service, service)

    async def _create_topics(self) -> None:
        from chassis import topics

        await topics.create(self.kafka.bootstrap, cap=PARTITIONS_CAP)

    async def _migrate(self, service: str) -> None:
        """Bring the database to the newest schema; nothing to do when it has had these very migrations."""
        done = self.layout.postgres / "migrated.json"
        wanted = _digest_of_migrations(service)
        if read_json(done).get(service) == wanted:
            return
        await run_to_end(
            Program(
                f"{service} migrate",
                [sys.executable, "-m", service, "migrate"],
                self.layout.log(f"{service}-migrate"),
                self.environment(service, 0) | self._told_once(f"{service}-migrate"),
            )
        )
        write_json(done, {**read_json(done), service: wanted})

    async def _found_province(self) -> None:
        """The first organisation and the first account; everything else is founded over HTTP."""
        if self.layout.first_account.exists():
            return
        await run_to_end(
            Program(
                "registry found-province",
                [sys.executable, "-m", "registry", "found-province", "--accounts", str(self.layout.first_account)],
                self.layout.log("registry-found-province"),
                self.environment("registry", 0),
            )
        )

    async def _python(self, name: str, package: str, words: Sequence[str], port: int) -> Program:
        (self.layout.objects(package)).mkdir(parents=True, exist_ok=True)
        return Program(
            name=name,
            command=[sys.executable, "-m", package, *words],
            log=self.layout.log(name),
            environment=self.environment(package, port) | self._told_once(name),
            ready=partial(_answers, port),
            stop_within=4.0,
        )

    def _told_once(self, name: str) -> dict[str, str]:
        """What somebody wants only the next start of a program to be told: the rig names the line at which it dies."""
        told = read_json(self.layout.next_start(name))
        self.layout.next_start(name).unlink(missing_ok=True)
        return {variable: str(value) for variable, value in told.items()}


async def _answers(port: int) -> bool:
    """Whether the process says that it is ready. By hand, for a client library costs more than a start may."""
    try:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    try:
        writer.write(f"GET /health/ready HTTP/1.1\r\nHost: {LOOPBACK}\r\nConnection: close\r\n\r\n".encode())
        status = await asyncio.wait_for(reader.readline(), 2)
        return status.split()[1:2] == [b"200"]
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()


def _digest_of_migrations(service: str) -> str:
    """Changes when a migration of the service, or the chassis' tables that it creates, change."""
    found = hashlib.sha256()
    for package, inside in ((service, "migrations"), ("chassis", "tables")):
        spec = importlib.util.find_spec(package)
        folders = list(spec.submodule_search_locations or []) if spec else []
        for folder in folders:
            for file in sorted(Path(folder).glob(f"{inside}*/**/*.py")) + sorted(Path(folder).glob(f"{inside}*.py")):
                found.update(file.name.encode() + file.read_bytes())
    return found.hexdigest()


class _Ports:
    """Ports by name: those of the last start as long as nobody else has taken them."""

    def __init__(self, file: Path, apart_from: int) -> None:
        self._file = file
        self._apart_from = apart_from
        self._known = {
            name: port for name, port in read_json(file).items() if port != apart_from and is_free(int(port))
        }

    def __getitem__(self, name: str) -> int:
        if name not in self._known:
            taken = {*self._known.values(), self._apart_from}
            self._known[name] = next(port for port in iter(free_port, None) if port not in taken)
        return int(self._known[name])

    def keep(self) -> None:
        """Remember them for the next start."""
        write_json(self._file, self._known)
