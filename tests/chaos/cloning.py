"""Many pupils from one who was really entered: with ids, indexes, seals and counters of their own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from uuid import UUID, uuid4

from chassis.sealing import Vault

TABLES: Final[Mapping[str, str]] = {
    "student": "id = $1",
    "student_version": "student_id = $1",
    "enrolment": "student_id = $1",
    "class_placement": "enrolment_id IN (SELECT id FROM enrolment WHERE student_id = $1)",
    "student_number": "student_id = $1",
    "identity_claim": "student_id = $1",
    "submission": "student_id = $1",
    "counter": "subject = $1",
    "outbox": "kind = 'state' AND subject = $1",
}
"""Table → which of its rows are one pupil's. What was said of her is as large as it is; the next epoch says it anew."""
OWN_IDS: Final = {
    "student": "id",
    "enrolment": "id",
    "class_placement": "id",
    "student_number": "id",
    "submission": "request_id",
}
SEALS: Final = {
    ("student_version", "record_sealed"): "record_id",
    ("student_number", "value_sealed"): "id",
    ("submission", "content_sealed"): "request_id",
}
"""(table, column) → the column with the id of the row for which it is sealed."""
UNIQUE: Final = frozenset({"value_index", "index", "person_index"})
"""Blind indexes that two pupils never share."""
AT_ONCE: Final = 5_000


@dataclass(frozen=True, slots=True)
class Original:
    """One pupil's rows, opened."""

    vault: Vault
    rows: Mapping[str, list[dict[str, Any]]]
    ids: frozenset[UUID]
    """Those that are hers."""

    @classmethod
    async def of(cls, connection: Any, vault: Vault, student: UUID) -> "Original":
        """What stands of her. Raises SealBroken where the map of seals is not the product's."""
        rows = {
            table: [dict(row) for row in await connection.fetch(f"SELECT * FROM {table} WHERE {which}", student)]
            for table, which in TABLES.items()
        }
        ids = {row[column] for table, column in OWN_IDS.items() for row in rows[table]}
        ids |= {row["record_id"] for row in rows["student_version"] if row["record_id"]}
        for (table, column), of in SEALS.items():
            for row in rows[table]:
                if row[column] is not None:
                    row[column] = vault.open(row[column], table=table, column=column, row=row[of])
        return cls(vault, rows, frozenset(ids))

    def another(self, outbox_id: Iterator[int]) -> tuple[UUID, dict[str, list[dict[str, Any]]]]:
        """Another pupil's id and rows."""
        new = {each: uuid4() for each in self.ids}
        student, made = new[self.rows["student"][0]["id"]], {}
        for table, rows in self.rows.items():
            made[table] = [self._row(table, row, new, student.bytes, outbox_id) for row in rows]
        return student, made

    def _row(
        self, table: str, row: Mapping[str, Any], new: Mapping[UUID, UUID], salt: bytes, outbox_id: Iterator[int]
    ) -> dict[str, Any]:
        made: dict[str, Any] = {
            name: new.get(value, value) if isinstance(value, UUID) else value for name, value in row.items()
        }
        for name in UNIQUE & made.keys():
            made[name] = sha256(salt + made[name]).digest()[: len(made[name])]
        if table == "outbox":
            made |= {"id": next(outbox_id), "event_id": uuid4()}
        for (of, column), which in SEALS.items():
            if of == table and made[column] is not None:
                made[column] = self.vault.seal(made[column], table=table, column=column, row=made[which])
        return made


async def clone(connection: Any, original: Original, count: int) -> list[UUID]:
    """The ids of so many more pupils, written by COPY; a few thousand are in memory at a time."""
    made: list[UUID] = []
    while len(made) < count:
        some = min(AT_ONCE, count - len(made))
        first = await connection.fetchval("SELECT setval('outbox_id', nextval('outbox_id') + $1)", some * 10)
        ids = iter(range(first - some * 10, first))
        pupils = [original.another(ids) for _ in range(some)]
        async with connection.transaction():
            for table, rows in original.rows.items():
                columns = list(rows[0]) if rows else []
                records = [tuple(row[name] for name in columns) for _, of in pupils for row in of[table]]
                if records:
                    await connection.copy_records_to_table(table, records=records, columns=columns)
        made += [student for student, _ in pupils]
    return made
