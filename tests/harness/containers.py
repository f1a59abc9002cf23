"""The same servers as containers of the official images, for a machine with a Docker engine."""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from local_stack.postgres import Address
from tests.harness.eventually import waited
from tests.harness.servers import describe

POSTGRES_IMAGE = "postgres:18"
KAFKA_IMAGE = "apache/kafka:4.3.1"


class NoDockerEngineError(Exception):
    """The container form was asked for by name and there is no engine."""


def demand_engine() -> None:
    """Return when a Docker engine answers.

    Raises NoDockerEngineError.
    """
    import docker
    from docker.errors import DockerException

    try:
        docker.from_env().ping()
    except DockerException as error:
        raise NoDockerEngineError(
            "STACK=containers needs a Docker engine and none answers: start one, or leave STACK unset (embedded)."
        ) from error


class ContainerPostgres:
    """PostgreSQL in a container."""

    def __init__(self) -> None:
        from testcontainers.community.postgres import PostgresContainer

        demand_engine()
        self._container = PostgresContainer(POSTGRES_IMAGE, username="postgres", driver=None)
        self._container.with_command("postgres -c fsync=off -c max_connections=400")

    async def start(self) -> dict[str, str | int]:
        """Where it is, once it answers."""
        await asyncio.to_thread(self._container.start)
        host, port = self._container.get_container_host_ip(), int(self._container.get_exposed_port(5432))
        return await describe(Address("127.0.0.1" if host == "localhost" else host, port, self._container.password))

    async def stop(self) -> None:
        """Remove the container."""
        await asyncio.to_thread(self._container.stop)


class ContainerKafka:
    """Kafka in a container: held back until the port that clients will use is known."""

    def __init__(self) -> None:
        from testcontainers.core.container import DockerContainer

        demand_engine()
        self._container = DockerContainer(KAFKA_IMAGE)
        self._container.with_exposed_ports(9092)
        self._container.with_kwargs(entrypoint=["/bin/bash", "-c"])
        self._container.with_command(
            ["while [ ! -f /tmp/settings ]; do sleep 0.1; done; . /tmp/settings; exec /etc/kafka/docker/run"],
        )

    async def start(self) -> dict[str, str | int]:
        """Where it is, once it says that it has started."""
        await asyncio.to_thread(self._start)
        return {"bootstrap": self._bootstrap()}

    async def stop(self) -> None:
        """Remove the container."""
        await asyncio.to_thread(self._container.stop)

    def _bootstrap(self) -> str:
        host = self._container.get_container_host_ip()
        return f"{'127.0.0.1' if host == 'localhost' else host}:{self._container.get_exposed_port(9092)}"

    def _start(self) -> None:
        self._container.start()
        settings = {
            "NODE_ID": "1",
            "PROCESS_ROLES": "broker,controller",
            "CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
            "LISTENERS": "OUTSIDE://:9092,INSIDE://:9094,CONTROLLER://:9093",
            "ADVERTISED_LISTENERS": f"OUTSIDE://{self._bootstrap()},INSIDE://localhost:9094",
            "LISTENER_SECURITY_PROTOCOL_MAP": "OUTSIDE:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "INTER_BROKER_LISTENER_NAME": "INSIDE",
            "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "AUTO_CREATE_TOPICS_ENABLE": "false",
            "OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "TRANSACTION_STATE_LOG_MIN_ISR": "1",
            "GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        }
        lines = "".join(f"export KAFKA_{name}='{value}'\n" for name, value in settings.items())
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "settings"
            file.write_text(lines)
            self._container.copy_into_container(file, "/tmp/settings")
        patience = float(os.environ.get("STACK_PATIENCE", "60"))
        if not waited(lambda: b"Kafka Server started" in b"".join(self._container.get_logs()), patience, every=0.1):
            raise RuntimeError("Kafka did not start in its container: " + repr(self._container.get_logs())[-1500:])


if __name__ == "__main__":
    try:
        demand_engine()
    except NoDockerEngineError as absent:
        sys.exit(str(absent))
