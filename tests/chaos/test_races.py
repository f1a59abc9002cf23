"""Two people do the same at the same instant: one is done, the other is told, and nothing is there twice.

Registry's races; those of two reviewers are in `test_races_of_reviewers.py`.
"""

# ruff: noqa: F811 - parameters are named after the fixtures that fill them

import asyncio
import os
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Any, Final
from uuid import UUID

import pytest
from obstore.store import LocalStore
from sqlalchemy import text

from chassis.identity import Actor
from registry.importing.jobs import ImportJob
from registry.importing.storage import Inbox
from registry.student import showing
from registry.student.commands.entries import MOST_AT_ONCE
from services.registry.tests.conftest import (  # noqa: F401 - fixtures
    a_class,
    as_,
    database,
    key,
    key_file,
    season,
    settings,
    tree,
    vault,
)
from tests.harness import sheets
from tests.harness.people import a_record
from tests.harness.pupils import Pupils
from tests.harness.sheets import a_row, table

RACES: Final = int(os.environ.get("CHAOS_RACES", "200"))
A_COHORT: Final = 4_000
"""Pupils who find a seat in one school: a cohort has no more than 99 classes."""
WORKED: Final = 20
"""Of so many workbooks one is worked through by two workers: reading one takes a process."""
pytestmark = [pytest.mark.timeout(60 + 2 * RACES), pytest.mark.usefixtures("season")]


async def count(database: Any, statement: str) -> int:
    async with database.snapshot() as tx:
        return int(await tx.scalar(text(statement)))


def form(number: int) -> dict[str, Any]:
    fields = {**showing.fields(a_record(number)), "grade": "一年级"}
    return {"fields": {path: value for path, value in fields.items() if value}}


@pytest.mark.part("Races: one child entered by two schools", RACES)
async def test_two_schools_that_enter_one_child_get_one_pupil_and_a_case(
    as_: Any,
    tree: Any,
    database: Any,
    key: Any,
) -> None:
    told = Counter[tuple[int, int]]()
    for number in range(RACES):
        mine, theirs = as_(tree.registrar), as_(tree.other_registrar)
        answers = await asyncio.gather(
            *(client.post("/v1/students", json=form(number), headers=key()) for client in (mine, theirs))
        )
        one, other = sorted(answers, key=lambda answer: answer.status_code)
        told[one.status_code, other.status_code] += 1
        assert other.json()["code"] == "duplicate", other.text
        assert "转学" in other.json()["detail"]
        assert a_record(number).document_number not in other.text
    assert told == {(201, 409): RACES}
    assert await count(database, "SELECT count(*) FROM student") == RACES
    assert await count(database, "SELECT count(*) FROM identity_claim") == RACES
    assert await count(database, "SELECT count(DISTINCT student_id) FROM identity_claim") == RACES
    assert (await as_(tree.admin).get("/v1/duplicates")).json()["total"] == RACES


@pytest.mark.part("Races: a double click on submit", RACES)
async def test_a_double_click_on_submit_submits_once(
    as_: Any,
    tree: Any,
    database: Any,
    key: Any,
    a_class: Any,
) -> None:
    pupils = await Pupils.of(database, tree, a_class)
    others = replace(
        pupils, school_id=tree.other_school, registrar=tree.other_registrar, a_class=partial(a_class, tree.other_school)
    )
    drafts: list[tuple[Actor, UUID]] = []
    while len(drafts) < RACES:
        of = pupils if len(drafts) < A_COHORT else others
        some = await of.draft(min(MOST_AT_ONCE, RACES - len(drafts)), start=len(drafts))
        drafts += [(of.registrar, student) for student in some]
    for registrar, student in drafts:
        client = as_(registrar)
        same, body = key(), {"students": [str(student)]}
        first, second = await asyncio.gather(
            *(client.post("/v1/submissions", json=body, headers=same) for _ in range(2))
        )
        assert (first.status_code, second.status_code) == (200, 200), first.text + second.text
        assert first.json() == second.json()
        assert [each["student_id"] for each in first.json()["submitted"]] == [str(student)]
    assert await count(database, "SELECT count(*) FROM submission") == RACES
    assert await count(database, "SELECT count(DISTINCT student_id) FROM submission") == RACES
    assert await count(database, "SELECT count(*) FROM outbox WHERE type = 'RequestSubmitted'") == RACES


@pytest.mark.part("Races: one workbook uploaded twice", RACES)
async def test_one_workbook_uploaded_twice_at_once_is_one_import(
    as_: Any,
    tree: Any,
    database: Any,
    vault: Any,
    settings: Any,
) -> None:
    inbox = Inbox(LocalStore(settings.data, mkdir=True), vault)
    workers = [ImportJob(database, vault, inbox, settings.keys) for _ in range(2)]
    drafted = 0
    for number in range(RACES):
        client = as_(tree.registrar)
        content = sheets.text(table([a_row(2 * number), a_row(2 * number + 1)]))
        upload = {"files": {"file": ("名单.csv", content)}}
        answers = await asyncio.gather(*(client.post("/v1/imports?mode=run", **upload) for _ in range(2)))
        assert [answer.status_code for answer in answers] == [202, 202], answers[1].text
        first, second = (answer.json() for answer in answers)
        assert first["id"] == second["id"]
        assert sorted((first["repeated"], second["repeated"])) == [False, True]
        if number % WORKED:
            continue
        await asyncio.gather(*(worker.work(UUID(first["id"])) for worker in workers))
        drafted += 2
        done = (await as_(tree.registrar).get(f"/v1/imports/{first['id']}")).json()
        assert (done["state"], done["rows"], done["created"], done["refused"]) == ("done", 2, 2, 0)
        again = (await as_(tree.registrar).post("/v1/imports?mode=run", **upload)).json()
        await workers[0].work(UUID(again["id"]))
        done = (await as_(tree.registrar).get(f"/v1/imports/{again['id']}")).json()
        assert (done["rows"], done["created"], done["unchanged"]) == (2, 0, 2)
    assert await count(database, "SELECT count(*) FROM student") == drafted
