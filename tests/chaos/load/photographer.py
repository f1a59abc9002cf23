"""A teacher with a camera: most photos go in a ZIP, some one by one, and whoever was missed is photographed again."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from tests.chaos.load.asking import Client
from tests.chaos.load.founding import School
from tests.chaos.load.papers import Sheet, archive, single
from tests.chaos.load.settings import LoadSettings
from tests.harness.eventually import eventually

HEARD_WITHIN = 120.0
"""Seconds for photo to hear of the pupils of a sheet."""
AT_ONCE = 100
"""Pupils that one question may name."""


class Photographer:
    """Takes the photos of one sheet after the other."""

    def __init__(self, client: Client, school: School, settings: LoadSettings, sheets: "asyncio.Queue[Sheet]") -> None:
        self._client = client
        self._school = school
        self._settings = settings
        self._sheets = sheets

    async def work(self) -> None:
        """Until cancelled."""
        while True:
            sheet = await self._sheets.get()
            if self._client.chance.random() < self._settings.photographed:
                await self._photograph(sheet)

    async def _photograph(self, sheet: Sheet) -> None:
        chance, students = self._client.chance, list(sheet.students.values())
        await self._until_known(students)
        alone = frozenset(each for each in students if chance.random() < self._settings.singles)
        content = await asyncio.to_thread(archive, sheet, self._school, alone, chance)
        taken = await self._client.change(
            "archive", "photo", "/v1/archives", file=(f"{sheet.number}.zip", content), told=_archive,
            files=len(students) - len(alone),
        )  # fmt: skip
        pupils = {student: pupil for student, pupil, _ in sheet.children()}
        for student in sorted(alone):
            await self._one(student, pupils[student])
        if taken.outcome == "ok":
            await self._until_done(taken.body["id"])
        for student in await self._missing(students):
            await self._one(student, pupils[student])

    async def _one(self, student: str, pupil: Any) -> None:
        content = await asyncio.to_thread(partial(single, pupil, self._client.chance))
        path = f"/v1/students/{student}/photo"
        await self._client.change(
            "photo", "photo", path, method="PUT", file=("photo.jpg", content), told=_hash, student=student
        )

    async def _until_known(self, students: Sequence[str]) -> None:
        async def known() -> bool:
            pages = await self._requirements(students, limit=1)
            return bool(sum(page["total"] for page in pages) >= len(students))

        with suppress(AssertionError):  # a clerk may have taken one of them back
            await eventually(known, within=HEARD_WITHIN, every=0.5)

    async def _until_done(self, archive_id: str) -> None:
        async def done() -> bool:
            found = await self._client.read("photo", f"/v1/archives/{archive_id}")
            return bool(found["state"] == "done")

        await self._client.patiently(done, "the archive is not worked through")

    async def _missing(self, students: Sequence[str]) -> list[str]:
        pages = await self._requirements(students, state="required", limit=AT_ONCE)
        return sorted(each["student_id"] for page in pages for each in page["items"])

    async def _requirements(self, students: Sequence[str], **params: Any) -> list[Any]:
        """The pages of all of them."""
        return [
            await self._client.read(
                "photo", "/v1/requirements", student=list(students[start : start + AT_ONCE]), **params
            )
            for start in range(0, len(students), AT_ONCE)
        ]


def _archive(body: Any) -> Mapping[str, Any]:
    return {"archive": body["id"]}


def _hash(body: Any) -> Mapping[str, Any]:
    return {"sha256": body["sha256"]}
