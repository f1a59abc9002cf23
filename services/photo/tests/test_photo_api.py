"""Photo as clerks reach it over HTTP: one picture, a ZIP, what each may see."""

import io
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from PIL import Image
from sqlalchemy import text

from chassis.identity import Actor
from chassis.testing import spoken
from chassis.transaction import Database
from contracts import topics
from contracts.registry import StudentChanged
from contracts.values import StudentStatus
from photo.jobs import ArchiveJob

Hear = Callable[..., Awaitable[list[str]]]
Told = Callable[[], Awaitable[list[tuple[UUID, int, dict[str, Any] | None]]]]
APupil = Callable[..., StudentChanged]
Picture = Callable[..., bytes]
Clients = Callable[..., httpx2.AsyncClient]
People = Mapping[str, Actor]
ZHANG = "999999202003150121"


def file(content: bytes, name: str = f"{ZHANG}.jpg") -> dict[str, Any]:
    return {"files": {"file": (name, content, "image/jpeg")}}


async def put(client: httpx2.AsyncClient, student: UUID, content: bytes) -> httpx2.Response:
    return await client.put(f"/v1/students/{student}/photo", **file(content))


@pytest.fixture
async def pupil(hear: Hear, a_pupil: APupil, people: People) -> tuple[UUID, StudentChanged]:
    student, said = uuid4(), a_pupil(document=ZHANG)
    await hear(spoken(topics.STUDENT, student, said))
    return student, said


async def test_a_photo_is_taken_and_seen_and_the_read_is_audited(
    as_: Clients,
    people: People,
    pupil: tuple[UUID, StudentChanged],
    told: Told,
    picture: Picture,
    database: Database,
) -> None:
    student, said = pupil
    taken = await put(as_(people["registrar"]), student, picture(1))
    assert (taken.status_code, taken.json()["remarks"]) == (200, [])
    enrolment, version, body = (await told())[-1]
    assert body is not None
    assert (enrolment, version, body["state"]) == (said.enrolment_id, 2, "accepted")
    assert body["sha256"] == taken.json()["sha256"]
    seen = await as_(people["officer"]).get(f"/v1/students/{student}/photo")
    assert (seen.status_code, seen.headers["content-type"]) == (200, "image/jpeg")
    with Image.open(io.BytesIO(seen.content)) as image:
        assert (image.size, image.format) == ((358, 441), "JPEG")
    async with database.snapshot() as tx:
        rows = await tx.rows(text("SELECT account_id, actions FROM audit WHERE 'photo.seen' = ANY(actions)"))
    assert [row.account_id for row in rows] == [people["officer"].account_id]


async def test_another_picture_replaces_the_first_and_the_first_may_come_back(
    as_: Clients, people: People, pupil: tuple[UUID, StudentChanged], picture: Picture, told: Told
) -> None:
    student, _ = pupil
    client = as_(people["teacher"])
    hashes = [(await put(client, student, picture(n))).json()["sha256"] for n in (1, 1, 2, 1)]
    assert hashes[0] == hashes[1] == hashes[3] != hashes[2]
    # The same picture again is nothing new; one that comes back is.
    said = [body["sha256"] for _, _, body in await told() if body]
    assert said == [None, hashes[0], hashes[2], hashes[3]]
    first = (await client.get(f"/v1/students/{student}/photo")).content
    await put(client, student, picture(2))
    assert (await client.get(f"/v1/students/{student}/photo")).content != first


@pytest.mark.parametrize(
    ("status", "code"),
    [(StudentStatus.SUBMITTED, "photo-under-review"), (StudentStatus.REGISTERED, "photo-already-kept")],
)
async def test_a_photo_under_review_or_kept_is_not_replaced(
    status: StudentStatus,
    code: str,
    as_: Clients,
    people: People,
    pupil: tuple[UUID, StudentChanged],
    hear: Hear,
    picture: Picture,
) -> None:
    student, said = pupil
    await put(as_(people["registrar"]), student, picture(1))
    await hear(spoken(topics.STUDENT, student, said.model_copy(update={"status": status}), version=2))
    refused = await put(as_(people["registrar"]), student, picture(2))
    assert (refused.status_code, refused.json()["code"]) == (422, code)


async def test_a_bad_picture_is_refused_in_words_and_noted(
    as_: Clients, people: People, pupil: tuple[UUID, StudentChanged], picture: Picture
) -> None:
    student, _ = pupil
    client = as_(people["registrar"])
    refused = await put(client, student, picture(1)[:5000])
    assert (refused.status_code, refused.json()["code"]) == (422, "photo-damaged")
    assert refused.json()["detail"] == "照片文件不完整或已损坏，无法打开。请重新拍摄或重新导出后上传。"
    [line] = (await client.get("/v1/requirements?state=refused")).json()["items"]
    assert (line["student_id"], line["reason"], line["text"]) == (
        str(student), "photo-damaged", refused.json()["detail"],
    )  # fmt: skip
    assert (await put(client, student, b"\0" * (10 * 1024 * 1024 + 1))).json()["code"] == "photo-too-large"
    assert (await client.put(f"/v1/students/{student}/photo", content=b"x")).json()["code"] == "no-file"
    assert (await put(client, student, b"")).json()["code"] == "photo-empty"
    await put(client, student, picture(1))
    assert (await client.get("/v1/desk")).json() == {"required": 0, "accepted": 1, "refused": 0}


async def test_an_archive_is_worked_through_and_a_person_settles_what_no_name_could_tell(
    as_: Clients,
    people: People,
    hear: Hear,
    a_pupil: APupil,
    job: ArchiveJob,
    picture: Picture,
    zipped: Callable[..., bytes],
    pupil: tuple[UUID, StudentChanged],
) -> None:
    one, two = uuid4(), uuid4()
    name = ("2134000001", "2026101", "张伟")
    await hear(*(spoken(topics.STUDENT, who, a_pupil(name=name)) for who in (one, two)))
    data = zipped((f"{ZHANG}.jpg", picture(1)), ("2134000001_2026101_张伟.jpg", picture(2)), ("notes.txt", b"x"))
    client = as_(people["registrar"])
    opened = await client.post("/v1/archives", **file(data, "photos.zip"))
    assert opened.status_code == 202
    archive = opened.json()
    assert (archive["state"], archive["files"], archive["done"]) == ("waiting", 3, 0)
    assert (await client.post("/v1/archives", **file(data, "again.zip"))).json()["id"] == archive["id"]
    await job.run(UUID(archive["id"]))
    state = (await client.get(f"/v1/archives/{archive['id']}")).json()
    counts = {key: state[key] for key in ("state", "done", "accepted", "ambiguous", "unmatched", "refused")}
    assert counts == {"state": "done", "done": 3, "accepted": 1, "ambiguous": 1, "unmatched": 0, "refused": 1}
    files = (await client.get(f"/v1/archives/{archive['id']}/files?result=ambiguous")).json()
    [waiting] = files["items"]
    assert (waiting["name"], waiting["text"]) == (
        "2134000001_2026101_张伟.jpg",
        "文件名对应多名学生（例如重名）。请手动匹配。",
    )
    path = f"/v1/archives/{archive['id']}/files/{waiting['number']}/match"
    assert (await as_(people["other_registrar"]).post(path, json={"student_id": str(one)})).status_code == 404
    assert (await client.post(path, json={"student_id": str(uuid4())})).status_code == 404
    matched = await client.post(path, json={"student_id": str(one)})
    assert (matched.status_code, matched.json()["student_id"]) == (200, str(one))
    again = await client.post(path, json={"student_id": str(two)})
    assert (again.status_code, again.json()["code"]) == (409, "file-not-waiting")
    assert (await client.get("/v1/desk")).json() == {"required": 1, "accepted": 2, "refused": 0}
    assert [one["id"] for one in (await client.get("/v1/archives")).json()["items"]] == [archive["id"]]


async def test_an_archive_that_is_none_is_refused_as_a_whole(as_: Clients, people: People) -> None:
    refused = await as_(people["registrar"]).post("/v1/archives", **file(b"Rar!", "photos.rar"))
    assert (refused.status_code, refused.json()["code"]) == (422, "archive-not-a-zip")


async def test_who_may_not_see_gets_nothing(
    as_: Clients, people: People, places: Mapping[str, UUID], pupil: tuple[UUID, StudentChanged], picture: Picture
) -> None:
    student, _ = pupil
    await put(as_(people["registrar"]), student, picture(1))
    assert (await as_(None).get(f"/v1/students/{student}/photo")).status_code == 401
    for who in ("other_registrar", "other_officer"):
        client = as_(people[who])
        assert (await client.get(f"/v1/students/{student}/photo")).status_code == 404
        assert (await client.get(f"/v1/requirements?school={places['school']}")).status_code == 404
    assert (await put(as_(people["other_registrar"]), student, picture(2))).status_code == 404
    assert (await put(as_(people["officer"]), student, picture(2))).status_code == 403
    assert (await as_(people["officer"]).get("/v1/requirements")).json()["total"] == 1
    assert (await as_(people["admin"]).get("/v1/desk")).json()["accepted"] == 1


async def test_the_same_picture_on_two_pupils_is_remarked_where_clerks_look(
    as_: Clients, people: People, hear: Hear, a_pupil: APupil, pupil: tuple[UUID, StudentChanged], picture: Picture
) -> None:
    student, _ = pupil
    other = uuid4()
    await hear(spoken(topics.STUDENT, other, a_pupil()))
    client = as_(people["registrar"])
    await put(client, student, picture(1))
    assert (await put(client, other, picture(1))).json()["remarks"] == [
        "该照片与另一名学生的照片完全相同。请核对是否放错。"
    ]
    [line] = (await client.get(f"/v1/requirements?student={other}")).json()["items"]
    assert line["remarks"] == ["该照片与另一名学生的照片完全相同。请核对是否放错。"]
