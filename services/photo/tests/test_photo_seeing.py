"""Who else looks at a photo, and what she is told to look at."""

import io
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from PIL import Image

from chassis.clock import now
from chassis.identity import Actor
from chassis.testing import spoken
from contracts import topics
from contracts.identity import AuthorityLink, OrganisationChanged
from contracts.registry import StudentChanged
from contracts.values import OrganisationKind, StudentStatus
from photo.jobs import ArchiveJob

Hear = Callable[..., Awaitable[list[str]]]
APupil = Callable[..., StudentChanged]
Picture = Callable[..., bytes]
Clients = Callable[..., httpx2.AsyncClient]
People = Mapping[str, Actor]
NOT_BLUE = "照片背景不是淡蓝色。请核对是否符合要求，必要时重新拍摄。"
TWIN = "该照片与另一名学生的照片完全相同。请核对是否放错。"


async def put(client: httpx2.AsyncClient, student: UUID, content: bytes) -> dict[str, Any]:
    answer = await client.put(f"/v1/students/{student}/photo", files={"file": ("a.jpg", content, "image/jpeg")})
    assert answer.status_code == 200
    taken: dict[str, Any] = answer.json()
    return taken


@pytest.mark.parametrize(
    ("status", "until", "place", "answer"),
    [
        (StudentStatus.SUBMITTED, "today", "school", 200),
        (StudentStatus.SUBMITTED, "today", "campus", 200),
        (StudentStatus.SUBMITTED, "before the year of entry", "school", 404),
        (StudentStatus.DRAFT, "today", "school", 404),
        (StudentStatus.RETURNED, "today", "school", 404),
        (StudentStatus.REGISTERED, "today", "school", 404),
    ],
)
async def test_the_authority_that_was_asked_sees_the_photo_after_the_school_was_handed_over(
    as_: Clients, people: People, places: Mapping[str, UUID], hear: Hear, a_pupil: APupil, picture: Picture,
    status: StudentStatus, until: str, place: str, answer: int,
) -> None:  # fmt: skip
    entered = now().year - 1
    student, said = uuid4(), a_pupil(school_id=places[place], entry_year=entered)
    await hear(spoken(topics.STUDENT, student, said))
    await put(as_(people["registrar"]), student, picture(1))
    await hear(spoken(topics.STUDENT, student, said.model_copy(update={"status": status}), version=2))
    path = f"/v1/students/{student}/photo"
    assert (await as_(people["other_officer"]).get(path)).status_code == 404
    ended = now().date() if until == "today" else date(entered, 1, 1)  # the first day without it
    first = AuthorityLink(authority_id=places["other_county"], valid_from=date(2020, 9, 1), valid_until=ended)
    then = AuthorityLink(authority_id=places["county"], valid_from=ended)
    school = OrganisationChanged(
        kind=OrganisationKind.SCHOOL, name="长丰县水湖学区中心校", code="3401", parent_id=places["county"],
        valid_from=date(2020, 9, 1), authorities=(first, then),
    )  # fmt: skip
    await hear(spoken(topics.ORGANISATION, places["school"], school, version=2))
    assert (await as_(people["other_officer"]).get(path)).status_code == answer
    assert (await as_(people["officer"]).get(path)).status_code == 200
    assert (await as_(people["other_registrar"]).get(path)).status_code == 404


async def test_the_authority_that_will_have_the_school_does_not_see_the_photo_yet(
    as_: Clients, people: People, places: Mapping[str, UUID], hear: Hear, a_pupil: APupil, picture: Picture
) -> None:
    student, said = uuid4(), a_pupil(entry_year=now().year)
    await hear(spoken(topics.STUDENT, student, said))
    await put(as_(people["registrar"]), student, picture(1))
    await hear(spoken(topics.STUDENT, student, said.model_copy(update={"status": StudentStatus.SUBMITTED}), version=2))
    tomorrow = now().date() + timedelta(days=1)
    next_one = AuthorityLink(
        authority_id=places["other_county"], valid_from=tomorrow, valid_until=tomorrow + timedelta(days=1)
    )
    school = OrganisationChanged(
        kind=OrganisationKind.SCHOOL, name="长丰县水湖学区中心校", code="3401", parent_id=places["county"],
        valid_from=date(2020, 9, 1), authorities=(next_one,),
    )  # fmt: skip
    await hear(spoken(topics.ORGANISATION, places["school"], school, version=2))
    assert (await as_(people["other_officer"]).get(f"/v1/students/{student}/photo")).status_code == 404


async def test_every_remark_is_told_when_the_photo_is_taken_and_on_the_list(
    as_: Clients, people: People, hear: Hear, a_pupil: APupil, picture: Picture
) -> None:
    red = io.BytesIO()
    Image.new("RGB", (716, 882), (200, 30, 30)).save(red, "JPEG")
    one, two, three = uuid4(), uuid4(), uuid4()
    await hear(*(spoken(topics.STUDENT, who, a_pupil()) for who in (one, two, three)))
    client = as_(people["registrar"])
    assert (await put(client, one, red.getvalue()))["remarks"] == [NOT_BLUE]
    assert (await put(client, two, red.getvalue()))["remarks"] == [NOT_BLUE, TWIN]
    assert (await put(client, three, picture(1)))["remarks"] == []
    lines = (await client.get("/v1/requirements")).json()["items"]
    assert {line["student_id"]: line["remarks"] for line in lines} == {
        str(one): [NOT_BLUE],
        str(two): [NOT_BLUE, TWIN],
        str(three): [],
    }


async def test_who_matches_a_file_is_told_that_the_photo_is_another_pupils(
    as_: Clients, people: People, hear: Hear, a_pupil: APupil, picture: Picture, job: ArchiveJob,
    zipped: Callable[..., bytes],
) -> None:  # fmt: skip
    one, two = uuid4(), uuid4()
    await hear(*(spoken(topics.STUDENT, who, a_pupil()) for who in (one, two)))
    client = as_(people["registrar"])
    await put(client, one, picture(1))
    data = zipped(("没有这个学生.jpg", picture(1)))
    archive = (await client.post("/v1/archives", files={"file": ("a.zip", data, "application/zip")})).json()["id"]
    await job.run(UUID(archive))
    matched = await client.post(f"/v1/archives/{archive}/files/1/match", json={"student_id": str(two)})
    assert (matched.status_code, matched.json()["remarks"]) == (200, [TWIN])
