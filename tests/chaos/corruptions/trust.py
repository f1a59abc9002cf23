"""Corruptions of files, of the audit, of who did what, of secrets and of settings."""

import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any
from uuid import uuid4

from tests.chaos.check.invariants.secrecy import ORPHANS_KEPT
from tests.chaos.corruptions.places import A_DRAFT, APPROVED
from tests.chaos.journal import Journal
from tests.chaos.planting import Garden, plant
from tests.harness.people import MALE, citizen_id


def _a_photo(garden: Garden) -> Any:
    return next(each for each in garden.world.objects if each.key.startswith("photo/"))


@plant("I21")
async def a_photo_with_a_flipped_bit(garden: Garden) -> AsyncIterator[None]:
    path = _a_photo(garden).path
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    with garden.written(path, bytes(whole)):
        yield


@plant("I21")
async def a_file_without_a_row(garden: Garden) -> AsyncIterator[None]:
    with _left_long_ago(garden, "0" * 64):
        yield


@plant("I21")
async def a_file_that_was_never_finished(garden: Garden) -> AsyncIterator[None]:
    with _left_long_ago(garden, "0" * 64 + "#1"):
        yield


@contextmanager
def _left_long_ago(garden: Garden, name: str) -> Iterator[None]:
    found = _a_photo(garden).path
    path = found.with_name(name)
    with garden.written(path, found.read_bytes()):
        long_ago = time.time() - (ORPHANS_KEPT["photo"] + 1) * 3600
        os.utime(path, (long_ago, long_ago))
        yield


@plant("I22", also=["I1", "I24"])
async def decided_by_another_office(garden: Garden) -> AsyncIterator[None]:
    statement = (
        "UPDATE decision SET organisation_id = (SELECT school_id FROM review_case WHERE id = decision.case_id)"
        f" WHERE case_id = ({APPROVED})"
    )
    async with garden.changed("review", "decision", statement):
        yield


@plant("I22")
async def done_to_nobody_knows_whom(garden: Garden) -> AsyncIterator[None]:
    """An entry of the chain that names no organisation."""
    uploaded = next(row for row in garden.world.registry["audit"] if row.actions == ["import.upload"])
    said = json.loads(uploaded.entry)
    for note in said["notes"]:
        note["organisation"] = None
    async with garden.appended("registry", uploaded, json.dumps(said).encode(), organisations=[]):
        yield


@plant("I23", also=["I1", "I24"])
async def decided_on_her_own(garden: Garden) -> AsyncIterator[None]:
    statement = (
        "UPDATE decision SET decided_by = (SELECT submitted_by FROM review_case WHERE id = decision.case_id)"
        f" WHERE case_id = ({APPROVED})"
    )
    async with garden.changed("review", "decision", statement):
        yield


@plant("I24", also=["I19"])
async def a_version_of_somebody_else(garden: Garden) -> AsyncIterator[None]:
    statement = (
        "UPDATE student_version SET account_id = (SELECT max(id::text)::uuid FROM account"
        f" WHERE id <> student_version.account_id) WHERE student_id = ({A_DRAFT}) AND version = 1"
    )
    async with garden.changed("registry", "student_version", statement):
        yield


@plant("I24")
async def a_version_with_two_entries(garden: Garden) -> AsyncIterator[None]:
    edited = next(row for row in garden.world.registry["audit"] if row.actions == ["student.edit"])
    async with garden.appended("registry", edited, edited.entry):
        yield


@plant("I24")
async def a_read_without_an_entry(garden: Garden) -> AsyncIterator[None]:
    path = garden.journals / "liar.jsonl"
    with Journal(path) as journal:
        journal.ok(journal.invoke("unmask", uuid4(), account=uuid4(), student=uuid4()))
    yield
    path.unlink()


_LONGEST = "(SELECT chain FROM audit GROUP BY chain ORDER BY count(*) DESC, chain LIMIT 1)"
_LAST = f"chain = {_LONGEST} AND seq = (SELECT max(seq) FROM audit AS last WHERE last.chain = {_LONGEST})"


@plant("I25")
async def an_entry_that_was_edited(garden: Garden) -> AsyncIterator[None]:
    statement = f"UPDATE audit SET entry = entry || ' ' WHERE {_LAST}"
    async with garden.changed("photo", "audit", statement):
        yield


@plant("I25", perhaps=["I24"])
async def an_entry_that_was_removed(garden: Garden) -> AsyncIterator[None]:
    async with garden.changed("photo", "audit", f"DELETE FROM audit WHERE chain = {_LONGEST} AND seq = 1"):
        yield


@plant("I25")
async def entries_that_were_exchanged(garden: Garden) -> AsyncIterator[None]:
    first, second = sorted(row.chain for row in garden.world.photo["audit"] if row.seq == 1)[:2]
    statement = f"UPDATE audit SET chain = {first + second} - chain WHERE seq = 1 AND chain IN ({first}, {second})"
    async with garden.superuser("photo") as connection:
        await connection.execute("ALTER TABLE audit DROP CONSTRAINT audit_pkey")
    try:
        async with garden.changed("photo", "audit", statement):
            yield
    finally:
        async with garden.superuser("photo") as connection:
            await connection.execute("ALTER TABLE audit ADD PRIMARY KEY (chain, seq)")


@plant("I25", perhaps=["I24"])
async def a_chain_that_was_cut_with_its_head(garden: Garden) -> AsyncIterator[None]:
    """Only a head that was kept elsewhere tells."""
    async with garden.superuser("photo") as connection:
        last = await connection.fetchrow(f"SELECT * FROM audit WHERE {_LAST}")
        before = await connection.fetchval(
            "SELECT coalesce((SELECT hash FROM audit WHERE chain = $1 AND seq = $2),"
            " sha256(('audit chain ' || $1)::bytea))",
            last.chain,
            last.seq - 1,
        )
        await connection.execute(
            "UPDATE audit_head SET seq = $2, hash = $3 WHERE chain = $1", last.chain, last.seq - 1, before
        )
    try:
        async with garden.changed("photo", "audit", f"DELETE FROM audit WHERE {_LAST}"):
            yield
    finally:
        async with garden.superuser("photo") as connection:
            await connection.execute(
                "UPDATE audit_head SET seq = $2, hash = $3 WHERE chain = $1", last.chain, last.seq, last.hash
            )


@plant("I25")
async def a_head_that_was_replaced(garden: Garden) -> AsyncIterator[None]:
    statement = f"UPDATE audit_head SET hash = sha256('another') WHERE chain = {_LONGEST}"
    async with garden.changed("photo", "audit_head", statement):
        yield


def _an_id() -> str:
    return citizen_id(date(2019, 9, 2), 321, MALE)


@plant("I26")
async def an_id_in_a_log(garden: Garden) -> AsyncIterator[None]:
    path = garden.folder / "logs" / "review.log"
    line = json.dumps({"event": "something failed", "with": _an_id()}) + "\n"
    with garden.written(path, path.read_bytes() + line.encode()):
        yield


@plant("I26")
async def a_name_in_a_log(garden: Garden) -> AsyncIterator[None]:
    """As a service would log it: JSON in ASCII."""
    with _logged(garden, f"no photo of {_a_name(garden, 3)}"):
        yield


@plant("I26")
async def a_short_name_within_a_sentence_of_a_log(garden: Garden) -> AsyncIterator[None]:
    with _logged(garden, f"学生{_a_name(garden, 2)}不存在"):
        yield


def _a_name(garden: Garden, length: int) -> str:
    names: Iterator[str] = (json.loads(each)["record"]["name"] for each in garden.world.contents.values())
    return next(name for name in names if len(name) == length)


@contextmanager
def _logged(garden: Garden, said: str) -> Iterator[None]:
    path = garden.folder / "logs" / "photo.log"
    with garden.written(path, path.read_bytes() + (json.dumps({"event": said}) + "\n").encode()):
        yield


@plant("I26")
async def an_id_in_a_readable_column(garden: Garden) -> AsyncIterator[None]:
    statement = "UPDATE organisation SET address = address || ' ' || $1 WHERE kind = 'county'"
    async with garden.changed("registry", "organisation", statement, _an_id()):
        yield


@plant("I27")
async def sealed_values_that_were_exchanged(garden: Garden) -> AsyncIterator[None]:
    statement = (
        "WITH two AS (SELECT id, value_sealed, row_number() OVER (ORDER BY id) AS n FROM student_number"
        f" WHERE student_id = ({A_DRAFT}) ORDER BY id LIMIT 2)"
        " UPDATE student_number SET value_sealed = other.value_sealed FROM two AS one JOIN two AS other"
        " ON one.n <> other.n WHERE student_number.id = one.id"
    )
    async with garden.changed("registry", "student_number", statement):
        yield


@plant("I27")
async def an_index_of_another_number(garden: Garden) -> AsyncIterator[None]:
    statement = (
        "UPDATE national_pupil SET number_blind = sha256('another') WHERE student_id ="
        " (SELECT min(student_id::text)::uuid FROM national_pupil WHERE number_blind IS NOT NULL)"
    )
    async with garden.changed("sync", "national_pupil", statement):
        yield


@plant("I31", also=["I8", "I24"])
async def a_session_of_who_may_not_act(garden: Garden) -> AsyncIterator[None]:
    statement = (
        "UPDATE account SET disabled_at = now() WHERE id ="
        " (SELECT account_id FROM session WHERE ended_at IS NULL AND expires_at > now() LIMIT 1)"
    )
    async with garden.changed("registry", "account", statement):
        yield


@plant("I33")
async def a_database_that_does_not_wait_for_its_disk(garden: Garden) -> AsyncIterator[None]:
    async with garden.superuser("photo") as connection:
        await connection.execute("ALTER DATABASE photo SET synchronous_commit = off")
    yield
    async with garden.superuser("photo") as connection:
        await connection.execute("ALTER DATABASE photo RESET synchronous_commit")
