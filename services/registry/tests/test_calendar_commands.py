from datetime import date
from typing import Any

import pytest

from chassis.transaction import Database
from contracts import topics
from contracts.refusal import Refusal
from contracts.values import WindowKind
from registry.calendar import commands, queries
from registry.calendar.domain import Span, school_year_of

ENTRY = WindowKind.ENTRY


@pytest.fixture
async def year(database: Database, tree: Any) -> int:
    async with database.snapshot() as tx:
        found = await queries.active_school_year(tx)
        assert found == school_year_of(tx.now.date())
    return found


async def test_a_window_holds_below_and_the_nearest_wins(database: Database, tree: Any, year: int) -> None:
    async with database.transaction(tree.admin) as tx:
        await commands.set_window(tx, tree.province, ENTRY, date(year, 8, 10), date(year, 10, 10))
        await commands.set_window(tx, tree.county, ENTRY, date(year, 8, 20), date(year, 10, 20))
    async with database.snapshot() as tx:
        found = await queries.calendars(tx, [tree.province, tree.school, tree.campus, tree.other_school])
    assert found[tree.province].windows[ENTRY] == Span(date(year, 8, 10), date(year, 10, 10))
    assert found[tree.school].windows[ENTRY] == Span(date(year, 8, 20), date(year, 10, 20))
    assert found[tree.campus].windows[ENTRY] == Span(date(year, 8, 20), date(year, 10, 20))
    assert found[tree.other_school].windows[ENTRY] == Span(date(year, 8, 10), date(year, 10, 10))


async def test_an_extension_holds_below_its_organisation_and_nowhere_else(
    database: Database, tree: Any, year: int
) -> None:
    until = date(year + 1, 1, 15)
    async with database.transaction(tree.admin) as tx:
        await commands.extend(tx, tree.county, ENTRY, until, "系统上线首年", "皖教秘基〔2026〕88号")
    async with database.snapshot() as tx:
        found = await queries.calendars(tx, [tree.school, tree.campus, tree.other_school, tree.city])
    assert {where: calendar.closes(ENTRY) for where, calendar in found.items()} == {
        tree.school: until,
        tree.campus: until,
        tree.other_school: date(year, 9, 30),
        tree.city: date(year, 9, 30),
    }
    assert found[tree.school].is_open(ENTRY, until)
    assert not found[tree.other_school].is_open(ENTRY, until)


async def test_an_extension_that_extends_nothing_is_refused(database: Database, tree: Any, year: int) -> None:
    with pytest.raises(Refusal) as refused:
        async with database.transaction(tree.admin) as tx:
            await commands.extend(tx, tree.county, ENTRY, date(year, 9, 30), "无", "皖教秘基〔2026〕88号")
    assert refused.value.code == "extension-too-short"


async def test_who_hears_a_countys_calendar_hears_the_provinces_holidays_in_it(
    database: Database, tree: Any, year: int, spoken: Any
) -> None:
    async with database.transaction(tree.admin) as tx:
        await commands.extend(tx, tree.county, ENTRY, date(year, 12, 31), "系统上线首年", "皖教秘基〔2026〕88号")
    async with database.transaction(tree.admin) as tx:
        await commands.set_days(
            tx, tree.province, {date(year, 10, 1): (False, "国庆节"), date(year, 10, 10): (True, "调休")}
        )
    said = await spoken(topics.CALENDAR)
    newest = dict(said)
    assert set(newest) == {tree.province, tree.county}
    county = newest[tree.county]
    assert county["active_school_year"] == year
    assert county["holidays"] == [f"{year}-10-01"]
    assert county["working_weekends"] == [f"{year}-10-10"]
    assert [(each["until"], each["document_number"]) for each in county["extensions"]] == [
        (f"{year}-12-31", "皖教秘基〔2026〕88号")
    ]
    assert newest[tree.province]["extensions"] == []
