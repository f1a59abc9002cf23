"""A ZIP as a durable job: whose each file is, what became of it, and what a killed worker leaves."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from chassis.identity import Actor
from chassis.sealing import Vault
from chassis.testing import spoken
from chassis.transaction import Database
from contracts import topics
from contracts.registry import StudentChanged
from contracts.values import StudentStatus
from photo import commands, jobs
from photo.archive import Archive
from photo.jobs import ArchiveJob
from photo.settings import PhotoSettings
from photo.storage import Album

Hear = Callable[..., Awaitable[list[str]]]
Told = Callable[[], Awaitable[list[tuple[UUID, int, dict[str, Any] | None]]]]
APupil = Callable[..., StudentChanged]
Picture = Callable[..., bytes]
Zipped = Callable[..., bytes]

ZHANG, TWIN = "999999202003150121", "999999202003150148"
NUMBER = "L340121202003150042"
SCHOOL = ("2134000001", "2026101")


async def opened(database: Database, album: Album, actor: Actor, school: UUID, data: bytes) -> UUID:
    """An archive that waits."""
    archive_id = uuid4()
    key = await album.keep("archive", archive_id, "ab" * 32, data)
    async with database.transaction(actor) as tx:
        return await commands.open_archive(
            tx,
            {
                "id": archive_id, "school_id": school, "uploaded_by": actor.account_id, "person_id": actor.person_id,
                "sha256": os.urandom(8).hex(), "object_key": key, "files": len(Archive(data).members),
                "bytes": len(data),
            },
        )  # fmt: skip


async def results(database: Database, vault: Vault, archive_id: UUID) -> dict[str, tuple[str, str | None, UUID | None]]:
    async with database.snapshot() as tx:
        rows = await tx.rows(
            text("SELECT * FROM archive_file WHERE archive_id = :id ORDER BY number"), {"id": archive_id}
        )
    return {
        vault.open(row.name_sealed, table="archive_file", column=f"name:{row.number}", row=archive_id).decode(): (
            row.result,
            row.reason,
            row.student_id,
        )
        for row in rows
    }


async def test_every_file_has_its_result(
    hear: Hear,
    told: Told,
    a_pupil: APupil,
    people: Mapping[str, Actor],
    places: Mapping[str, UUID],
    database: Database,
    album: Album,
    job: ArchiveJob,
    vault: Vault,
    picture: Picture,
    zipped: Zipped,
) -> None:
    pupils = {
        "document": a_pupil(document=ZHANG),
        "number": a_pupil(number=NUMBER),
        "name": a_pupil(name=(*SCHOOL, "欧阳明月"), school_id=places["campus"]),
        "namesake": a_pupil(name=(*SCHOOL, "张伟")),
        "other namesake": a_pupil(name=(*SCHOOL, "张伟")),
        "twice": a_pupil(document=TWIN, name=(*SCHOOL, "李双")),
        "bad picture": a_pupil(name=(*SCHOOL, "坏照片")),
        "elsewhere": a_pupil(document="999999202003150180", school_id=places["other_school"]),
        "submitted": a_pupil(name=(*SCHOOL, "已提交"), status=StudentStatus.SUBMITTED),
        "second grade": a_pupil(name=(*SCHOOL, "二年级"), first_grade=False),
    }
    students = {name: uuid4() for name in pupils}
    await hear(*(spoken(topics.STUDENT, students[name], pupil) for name, pupil in pupils.items()))
    data = zipped(
        (f"{ZHANG.lower()}.jpg", picture(1)),
        (f"一班/{NUMBER}.JPG", picture(2)),
        ("2134000001_2026101_欧阳明月.png", picture(3, form="PNG")),
        ("2134000001_2026101_张伟.jpg", picture(4)),
        (f"{TWIN}.jpg", picture(5)),
        ("2134000001_2026101_李双.jpg", picture(6)),
        ("2134000001_2026101_坏照片.jpg", picture(7)[:4000]),
        ("999999202003150180.jpg", picture(8)),
        ("没有这个学生.jpg", picture(9)),
        ("2134000001_2026101_已提交.jpg", picture(10)),
        ("2134000001_2026101_二年级.jpg", picture(11)),
        ("../../2134000001_2026101_欧阳明月.jpg", picture(12)),
        ("名单.xlsx", b"not a photo"),
    )
    archive_id = await opened(database, album, people["registrar"], places["school"], data)
    assert await job.run(archive_id) == 13
    found = await results(database, vault, archive_id)
    assert list(found.values()) == [
        ("accepted", None, students["document"]),
        ("accepted", None, students["number"]),
        ("accepted", None, students["name"]),
        ("ambiguous", "file-name-ambiguous", None),
        ("ambiguous", "file-twice", None),
        ("ambiguous", "file-twice", None),
        ("refused", "photo-damaged", students["bad picture"]),
        ("unmatched", "file-name-unknown", None),
        ("unmatched", "file-name-unknown", None),
        ("refused", "photo-under-review", students["submitted"]),
        ("refused", "photo-not-required", students["second grade"]),
        ("refused", "file-name-unsafe", None),
        ("refused", "file-not-a-photo", None),
    ]
    states = {subject: body["state"] for subject, _, body in await told() if body}
    assert {name: states.get(pupil.enrolment_id) for name, pupil in pupils.items()} == {
        "document": "accepted",
        "number": "accepted",
        "name": "accepted",
        "namesake": "required",
        "other namesake": "required",
        "twice": "required",
        "bad picture": "refused",
        "elsewhere": "required",
        "submitted": "required",
        "second grade": None,
    }
    assert await job.run(archive_id) == 0


async def test_names_in_gbk_find_their_pupil(
    hear: Hear,
    a_pupil: APupil,
    people: Mapping[str, Actor],
    places: Mapping[str, UUID],
    database: Database,
    album: Album,
    job: ArchiveJob,
    vault: Vault,
    picture: Picture,
    zipped: Zipped,
) -> None:
    student = uuid4()
    await hear(spoken(topics.STUDENT, student, a_pupil(name=(*SCHOOL, "欧阳明月"))))
    gbk = "2134000001_2026101_欧阳明月.jpg".encode("gbk")
    data = zipped(("x" * len(gbk), picture(1))).replace(b"x" * len(gbk), gbk)
    archive_id = await opened(database, album, people["registrar"], places["school"], data)
    await job.run(archive_id)
    assert await results(database, vault, archive_id) == {
        "2134000001_2026101_欧阳明月.jpg": ("accepted", None, student)
    }


async def test_the_same_photo_on_two_pupils_is_remarked(
    hear: Hear,
    a_pupil: APupil,
    people: Mapping[str, Actor],
    places: Mapping[str, UUID],
    database: Database,
    album: Album,
    job: ArchiveJob,
    picture: Picture,
    zipped: Zipped,
) -> None:
    one, two, three = uuid4(), uuid4(), uuid4()
    names = {one: "甲", two: "乙", three: "丙"}
    await hear(*(spoken(topics.STUDENT, who, a_pupil(name=(*SCHOOL, name))) for who, name in names.items()))
    files = [(f"2134000001_2026101_{name}.jpg", picture(3 if who is three else 1)) for who, name in names.items()]
    await job.run(await opened(database, album, people["registrar"], places["school"], zipped(*files)))
    async with database.snapshot() as tx:
        rows = await tx.rows(text("SELECT student_id, remarks FROM photo"))
    assert {row.student_id: row.remarks for row in rows} == {
        one: ["same-photo-on-another-pupil"],
        two: ["same-photo-on-another-pupil"],
        three: [],
    }


async def test_objects_are_sealed_and_their_names_say_nothing(
    hear: Hear,
    a_pupil: APupil,
    people: Mapping[str, Actor],
    places: Mapping[str, UUID],
    database: Database,
    album: Album,
    job: ArchiveJob,
    settings: PhotoSettings,
    picture: Picture,
    zipped: Zipped,
) -> None:
    student = uuid4()
    await hear(spoken(topics.STUDENT, student, a_pupil(document=ZHANG)))
    data = zipped((f"{ZHANG}.jpg", picture(1)))
    await job.run(await opened(database, album, people["registrar"], places["school"], data))
    files = [file for file in settings.data.rglob("*") if file.is_file()]
    assert len(files) == 2
    for file in files:
        content = file.read_bytes()
        assert ZHANG not in str(file)
        assert b"JFIF" not in content
        assert ZHANG.encode() not in content
    async with database.snapshot() as tx:
        row = await tx.row(text("SELECT object_key, sha256 FROM photo"))
    assert row is not None
    assert row.object_key == f"photo/{student.hex[-2:]}/{student}/{row.sha256}"
    assert (await album.take(row.object_key))[:3] == b"\xff\xd8\xff"


@pytest.mark.parametrize("point", ["photo.after_tmp_write", "photo.after_rename_before_row", "photo.after_row"])
async def test_a_killed_worker_is_followed_by_another_that_goes_on(
    point: str,
    hear: Hear,
    told: Told,
    a_pupil: APupil,
    people: Mapping[str, Actor],
    places: Mapping[str, UUID],
    database: Database,
    album: Album,
    job: ArchiveJob,
    settings: PhotoSettings,
    picture: Picture,
    zipped: Zipped,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    students = {uuid4(): f"学生{n}" for n in range(6)}
    await hear(*(spoken(topics.STUDENT, who, a_pupil(name=(*SCHOOL, name))) for who, name in students.items()))
    data = zipped(*((f"2134000001_2026101_{name}.jpg", picture(n)) for n, name in enumerate(students.values())))
    archive_id = await opened(database, album, people["registrar"], places["school"], data)
    environment = {
        **os.environ,
        "CRASH_AT": f"{point}:{2 if point == 'photo.after_row' else 4}",
        "PHOTO_DATABASE": settings.database,
        "PHOTO_KAFKA": settings.kafka,
        "PHOTO_KEYS": str(settings.keys),
        "PHOTO_TOKEN_PUBLIC_KEYS": str(settings.keys),
        "PHOTO_DATA": str(settings.data),
    }
    killed = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", WORKER, str(archive_id)], env=environment, timeout=60, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert await job.run(archive_id) == 0  # the silent worker's lease has not run out
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE archive SET lease_until = now() - interval '1 second'"))
    monkeypatch.setattr(jobs, "CHUNK", 2)
    await job.run(archive_id)
    async with database.snapshot() as tx:
        assert await tx.scalar(text("SELECT count(*) FROM archive_file WHERE result = 'accepted'")) == 6
        assert await tx.scalar(text("SELECT count(*) FROM photo")) == 6
        keys = {row.object_key for row in await tx.rows(text("SELECT object_key FROM photo"))}
        assert await tx.scalar(text("SELECT state FROM archive")) == "done"
    accepted = [subject for subject, _, body in await told() if body and body["state"] == "accepted"]
    assert len(accepted) == len(set(accepted)) == 6
    stored = {str(file.relative_to(settings.data)) for file in settings.data.glob("photo/**/*") if file.is_file()}
    assert stored == keys


WORKER = """
import asyncio, sys
from uuid import UUID
from chassis.sealing import Vault
from photo import jobs
from photo.main import service
from photo.settings import PhotoSettings

jobs.CHUNK = 2

async def main():
    settings = PhotoSettings.read()
    async with service.opened(settings) as (database, resources):
        await resources[jobs.ArchiveJob].run(UUID(sys.argv[1]))

if __name__ == "__main__":
    asyncio.run(main())
"""
