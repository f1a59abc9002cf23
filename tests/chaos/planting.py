"""One corruption at a time on a still stack, each taken back afterwards."""

import json
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import CommitFailedError

from contracts.topics import BY_NAME
from tests.chaos.check.databases import Row
from tests.chaos.check.topics import asking
from tests.chaos.check.world import World, folder_of
from tests.harness.eventually import eventually

Plant = Callable[["Garden"], AsyncIterator[None]]
PLANTS: Final[dict[str, tuple[str, Callable[["Garden"], AbstractAsyncContextManager[None]]]]] = {}
"""Name → the one invariant that must find it, and the corruption."""


ALSO: Final[dict[str, frozenset[str]]] = {}
"""Name → other invariants that cannot but find it, too: the value stands in other places, or is said (I8)."""


PERHAPS: Final[dict[str, frozenset[str]]] = {}
"""Name → others that find it where chance has it so: of an entry of the audit it depends on what was noted there."""


def plant(invariant: str, *, also: Collection[str] = (), perhaps: Collection[str] = ()) -> Callable[[Plant], Plant]:
    """Register a corruption under its function's name."""

    def register(made: Plant) -> Plant:
        PLANTS[made.__name__] = (invariant, asynccontextmanager(made))
        ALSO[made.__name__] = frozenset(also)
        PERHAPS[made.__name__] = frozenset(perhaps)
        return made

    return register


class Garden:
    """A still stack, what stood on it before anything was planted, and the tools to plant."""

    def __init__(self, stack: Mapping[str, Any], journals: Path, world: World) -> None:
        self.stack = stack
        self.folder = folder_of(stack)
        self.journals = journals
        self.world = world
        self._password = json.loads((self.folder / "secrets" / "passwords.json").read_text())["postgres"]

    @asynccontextmanager
    async def superuser(self, service: str) -> AsyncIterator[Any]:
        """A connection that may do everything, foreign keys or not."""
        place = urlsplit(self.stack["postgres"][service])
        connection = await asyncpg.connect(
            host=place.hostname,
            port=place.port,
            user="postgres",
            password=self._password,
            database=service,
            record_class=Row,
            server_settings={"session_replication_role": "replica"},
        )
        try:
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def changed(self, service: str, table: str, statement: str, *values: Any) -> AsyncIterator[None]:
        """The table after the statement, which must change something; afterwards as it was before."""
        async with self.superuser(service) as connection:
            await connection.execute(
                f'CREATE SCHEMA IF NOT EXISTS kept; CREATE TABLE kept.rows AS SELECT * FROM public."{table}"'
            )
            done = await connection.execute(statement, *values)
            assert int(done.rpartition(" ")[2]) > 0, done
        try:
            yield
        finally:
            async with self.superuser(service) as connection:
                await connection.execute(
                    f'BEGIN; DELETE FROM public."{table}"; INSERT INTO public."{table}" SELECT * FROM kept.rows;'
                    " DROP TABLE kept.rows; COMMIT"
                )

    @asynccontextmanager
    async def appended(self, service: str, like: Any, entry: bytes, **columns: Any) -> AsyncIterator[None]:
        """The audit with one more entry at the end of the chain of another, of which it has the columns."""
        async with self.superuser(service) as connection:
            head = await connection.fetchrow("SELECT seq, hash FROM audit_head WHERE chain = $1", like.chain)
            seq = head.seq + 1
            digest = sha256(head.hash + seq.to_bytes(8, "big") + entry).digest()
            row = {**dict(like), "seq": seq, "entry": entry, "hash": digest, **columns}
            places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
            change = "UPDATE audit_head SET seq = $2, hash = $3 WHERE chain = $1"
            await connection.execute(f"INSERT INTO audit ({', '.join(row)}) VALUES ({places})", *row.values())
            await connection.execute(change, like.chain, seq, digest)
            try:
                yield
            finally:
                await connection.execute("DELETE FROM audit WHERE chain = $1 AND seq = $2", like.chain, seq)
                await connection.execute(change, like.chain, head.seq, head.hash)

    @contextmanager
    def written(self, path: Path, content: bytes) -> Iterator[None]:
        """The file with other contents; afterwards with its own, or gone."""
        before = path.read_bytes() if path.exists() else None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        try:
            yield
        finally:
            if before is None:
                path.unlink()
            else:
                path.write_bytes(before)

    @asynccontextmanager
    async def topic(self, name: str) -> AsyncIterator["Records"]:
        """The topic, to be written to; afterwards made anew with what it held."""
        records = Records(self.stack["kafka"], name)
        before = await records.all()
        try:
            yield records
        finally:
            await records.make_anew(before)
            await self.consumed(records)

    async def consumed(self, records: "Records") -> None:
        """The readers have read the topic to its last records, as far as anybody can see."""
        ends = dict.fromkeys(await records.ends(), 0)
        ends |= {TopicPartition(each.topic, each.partition): each.offset + 1 for each in await records.all()}
        for reader in sorted(BY_NAME[records.name].readers):
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self.stack["kafka"],
                group_id=f"{reader}.{records.name}",
                enable_auto_commit=False,
            )
            consumer.assign(list(ends))

            async def is_committed(consumer: AIOKafkaConsumer = consumer) -> bool:
                try:
                    await consumer.commit(ends)
                except CommitFailedError:  # whoever left with the stack is a member until the session ends
                    return False
                return True

            await consumer.start()
            try:
                await eventually(is_committed, within=20, every=0.2)
            finally:
                await consumer.stop()
            async with self.superuser(reader) as connection:
                await connection.executemany(
                    "UPDATE inbox_offset SET highest = $3 WHERE topic = $1 AND partition = $2",
                    [(place.topic, place.partition, end - 1) for place, end in ends.items() if end],
                )


class Records:
    """What is written to one topic by hand."""

    def __init__(self, bootstrap: str, name: str) -> None:
        self.name = name
        self._bootstrap = bootstrap

    async def all(self) -> Sequence[Any]:
        """Every record, by partition and offset."""
        ends = await self.ends()
        consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, enable_auto_commit=False)
        consumer.assign(list(ends))
        await consumer.start()
        try:
            await consumer.seek_to_beginning()
            found: list[Any] = []
            for place, end in ends.items():
                while await consumer.position(place) < end:
                    for some in (await consumer.getmany(place, timeout_ms=500)).values():
                        found += some
            return sorted(found, key=lambda each: (each.partition, each.offset))
        finally:
            await consumer.stop()

    async def ends(self) -> Mapping[TopicPartition, int]:
        """Where each partition ends."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        await admin.start()
        try:
            [about] = await admin.describe_topics([self.name])
        finally:
            await admin.close()
        places = [TopicPartition(self.name, each["partition"]) for each in about["partitions"]]
        async with asking(self._bootstrap, places) as consumer:
            found: Mapping[TopicPartition, int] = await consumer.end_offsets(places)
        return found

    async def put(
        self, record: Any, *, partition: int | None = None, value: bytes | None = None, lead: str | None = None
    ) -> None:
        """Write the record once more, or another like it; `lead` names a transaction's owner."""
        async with self.producer(lead) as producer:
            await self._send(producer, record, partition, value, in_transaction=lead is not None)

    @asynccontextmanager
    async def producer(self, lead: str | None = None) -> AsyncIterator[AIOKafkaProducer]:
        """A producer of our own."""
        producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, transactional_id=lead)
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()

    async def _send(
        self, producer: AIOKafkaProducer, record: Any, partition: int | None, value: bytes | None, in_transaction: bool
    ) -> None:
        if in_transaction:
            await producer.begin_transaction()
        await producer.send_and_wait(
            self.name,
            value if value is not None else record.value,
            key=record.key,
            headers=list(record.headers),
            partition=record.partition if partition is None else partition,
        )
        if in_transaction:
            await producer.commit_transaction()

    async def again(self, producer: AIOKafkaProducer, record: Any) -> None:
        """The record once more, in a transaction of this producer."""
        await self._send(producer, record, None, None, in_transaction=True)

    async def make_anew(self, records: Sequence[Any]) -> None:
        """The topic with these records alone."""
        partitions = len(await self.ends())
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        await admin.start()
        try:
            await admin.delete_topics([self.name])

            async def is_gone() -> bool:
                return self.name not in await admin.list_topics()

            await eventually(is_gone, within=20)

            async def is_made() -> bool:
                answer = await admin.create_topics([NewTopic(self.name, partitions, 1)])
                return all(error[1] == 0 for error in answer.topic_errors)

            await eventually(is_made, within=20)
        finally:
            await admin.close()
        async with self.producer() as producer:
            for record in records:
                await self._send(producer, record, None, None, in_transaction=False)
