"""A school that has ended, or has yet to begin: what was done in it stays, and nothing new is begun."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from obstore.store import LocalStore

from chassis.sealing import Vault
from chassis.transaction import Database
from contracts.refusal import Refusal
from contracts.values import OrganisationKind, Stage
from registry.classes import commands as classes
from registry.importing.jobs import ImportJob
from registry.importing.storage import Inbox
from registry.organisation import commands as organisations
from registry.student import commands as students
from registry.student.commands import Outcome
from tests.harness import sheets
from tests.harness.pupils import Pupils
from tests.harness.sheets import a_row, table

Ending = Callable[[], Awaitable[str]]


@pytest.fixture
async def pupils(database: Database, tree: Any, a_class: Any) -> Pupils:
    return await Pupils.of(database, tree, a_class)


@pytest.fixture
def ended(database: Database, tree: Any) -> Ending:
    """`await ended()` → the centre school and its campus end today; what everybody is then told."""

    async def act() -> str:
        async with database.transaction(tree.admin) as tx:
            today = tx.now.date()
            await organisations.edit(tx, tree.campus, {"valid_until": today}, 1)
            await organisations.edit(tx, tree.school, {"valid_until": today}, 1)
        return (
            f"长丰县水湖学区中心校已于{today:%Y年%m月%d日}撤销，不能再办理学籍业务。"
            "请核对学校；日期有误的，请联系省级管理员更正。"
        )

    return act


async def test_in_an_ended_school_nobody_is_entered(
    database: Database, tree: Any, an_entry: Any, pupils: Pupils, ended: Ending
) -> None:
    told = await ended()
    with pytest.raises(Refusal) as refused:
        async with database.transaction(tree.registrar) as tx:
            await students.draft(tx, tree.school, [an_entry(1)])
    assert (refused.value.code, refused.value.sentence) == ("school-not-open", told)


async def test_in_an_ended_school_nobody_is_submitted(pupils: Pupils, ended: Ending) -> None:
    ready = await pupils.draft()
    told = await ended()
    with pytest.raises(Refusal) as refused:
        await pupils.submit(ready)
    assert (refused.value.code, refused.value.sentence) == ("school-not-open", told)


async def test_in_an_ended_school_no_class_is_opened_or_planned(
    database: Database, vault: Vault, tree: Any, a_class: Any, ended: Ending
) -> None:
    await a_class()
    told = await ended()
    for attempt in (
        lambda tx: classes.create(tx, vault, tree.school, classes.NewClass(Stage.PRIMARY, 2026)),
        lambda tx: classes.set_plan(tx, tree.school, Stage.PRIMARY, 2026, 4),
    ):
        with pytest.raises(Refusal) as refused:
            async with database.transaction(tree.registrar) as tx:
                await attempt(tx)
        assert (refused.value.code, refused.value.sentence) == ("school-not-open", told)


async def test_every_row_of_an_import_into_an_ended_school_says_so(
    database: Database, vault: Vault, settings: Any, as_: Any, tree: Any, pupils: Pupils, ended: Ending
) -> None:
    told = await ended()
    content = sheets.text(table([a_row(number) for number in range(3)]))
    client = as_(tree.registrar)
    taken = await client.post("/v1/imports?mode=run", files={"file": ("a.csv", content)})
    inbox = Inbox(LocalStore(settings.data, mkdir=True), vault)
    await ImportJob(database, vault, inbox, settings.keys).work(UUID(taken.json()["id"]))
    receipt = (await client.get(f"/v1/imports/{taken.json()['id']}")).json()
    assert (receipt["created"], receipt["refused"]) == (0, 3)
    assert receipt["by_reason"] == [{"outcome": "refused", "code": "school-not-open", "text": told, "rows": 3}]


async def test_the_code_of_a_campus_stands_for_the_school_until_the_campus_ends(
    database: Database, tree: Any, an_entry: Any, pupils: Pupils
) -> None:
    async with database.transaction(tree.admin) as tx:
        new = organisations.NewOrganisation(
            OrganisationKind.CAMPUS, "水湖学区中心校杨庙分校", "2134000088", tree.school, "340121"
        )
        campus = await organisations.create(tx, new)
    async with database.transaction(tree.registrar) as tx:
        (before,) = await students.draft(tx, tree.school, [an_entry(1, school_code="2134000088")])
    async with database.transaction(tree.admin) as tx:
        await organisations.edit(tx, campus, {"valid_until": tx.now.date()}, 1)
    async with database.transaction(tree.registrar) as tx:
        (after,) = await students.draft(tx, tree.school, [an_entry(2, school_code="2134000088")])
    assert before.outcome is Outcome.CREATED
    assert (after.outcome, [each.code for each in after.problems]) == (Outcome.REFUSED, ["other-school"])


async def test_a_school_that_has_yet_to_begin_waits_for_its_day(
    database: Database, vault: Vault, tree: Any, pupils: Pupils
) -> None:
    async with database.transaction(tree.admin) as tx:
        tomorrow = tx.now.date() + timedelta(days=1)
        new = organisations.NewOrganisation(
            OrganisationKind.SCHOOL,
            "长丰县下塘小学",
            "2134000077",
            tree.county,
            "340121",
            category="211",
            valid_from=tomorrow,
        )
        school = await organisations.create(tx, new)
    with pytest.raises(Refusal) as refused:
        async with database.transaction(tree.admin) as tx:
            await classes.set_plan(tx, school, Stage.PRIMARY, 2026, 4)
    assert refused.value.sentence.startswith(f"长丰县下塘小学自{tomorrow:%Y年%m月%d日}起设立，此前不能办理学籍业务。")


async def test_a_school_does_not_end_before_it_has_begun(as_: Any, tree: Any, database: Database) -> None:
    path = f"/v1/organisations/{tree.other_school}"
    wrong = await as_(tree.admin).patch(path, json={"version": 1, "valid_until": "2020-08-31"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "ends-before-it-begins")
    assert wrong.json()["detail"] == "撤销日期不能早于设立日期2020年09月01日。请更正撤销日期。"
    right = await as_(tree.admin).patch(path, json={"version": 1, "valid_until": "2020-09-01"})
    assert (right.status_code, right.json()["valid_until"]) == (200, date(2020, 9, 1).isoformat())
