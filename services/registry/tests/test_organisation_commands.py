from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from chassis.transaction import Database
from contracts import topics
from contracts.identity import OrganisationChanged
from contracts.refusal import Refusal
from contracts.values import OrganisationKind, Schooling, Stage
from registry.organisation import commands, queries


def a_school(parent: UUID, code: str, **changes: Any) -> commands.NewOrganisation:
    values = {"name": "长丰县某小学", "region_code": "340121", "category": "211"}
    return commands.NewOrganisation(OrganisationKind.SCHOOL, code=code, parent_id=parent, **{**values, **changes})


async def test_the_tree_is_said_with_its_authorities(database: Database, tree: Any) -> None:
    async with database.snapshot() as tx:
        spoken = await queries.changed(tx, [tree.province, tree.junior, tree.campus])
    said = {place: event for place, event in spoken.items() if isinstance(event, OrganisationChanged)}
    assert said[tree.province].parent_id is None
    assert said[tree.province].schooling is None
    junior = said[tree.junior]
    assert (junior.kind, junior.code, junior.parent_id) == (OrganisationKind.SCHOOL, "3134000001", tree.county)
    assert [(link.authority_id, link.valid_from) for link in junior.authorities] == [(tree.city, date(2020, 9, 1))]
    assert (junior.stages, junior.schooling) == ((Stage.JUNIOR,), Schooling.SIX_THREE)
    assert said[tree.campus].parent_id == tree.school
    assert said[tree.campus].authorities == ()


async def test_every_creation_is_spoken_once(database: Database, tree: Any, spoken: Any) -> None:
    found = await spoken(topics.ORGANISATION)
    assert sorted(subject for subject, _ in found) == sorted(
        [
            tree.province,
            tree.city,
            tree.county,
            tree.other_county,
            tree.school,
            tree.campus,
            tree.junior,
            tree.other_school,
        ]
    )


async def test_a_county_counts_its_schools(database: Database, tree: Any) -> None:
    async with database.transaction(tree.admin) as tx:
        third = await commands.create(tx, a_school(tree.county, "2134000003"))
        given = await commands.create(tx, a_school(tree.county, "2134000004", school_number="040"))
        after = await commands.create(tx, a_school(tree.county, "2134000005"))
        schools = await queries.schools(tx, [tree.school, tree.junior, tree.campus, third, given, after])
        elsewhere = (await queries.schools(tx, [tree.other_school]))[tree.other_school]
    assert schools[tree.school].school_number == "001"
    assert schools[tree.junior].school_number == "002"
    assert schools[third].school_number == "003"
    assert schools[given].school_number == "040"
    assert schools[after].school_number == "041"
    assert schools[tree.campus].school_number == "001"
    assert schools[tree.campus].centre_id == tree.school
    assert (elsewhere.county_code, elsewhere.school_number) == ("340122", "001")


async def test_schools_are_found_by_their_code(database: Database, tree: Any) -> None:
    async with database.snapshot() as tx:
        found = await queries.schools_by_code(tx, ["2134000001", "3134000001", "2134009999", ""])
    assert {code: school.id for code, school in found.items()} == {
        "2134000001": tree.school,
        "3134000001": tree.junior,
    }


async def test_a_code_is_borne_by_one(database: Database, tree: Any) -> None:
    with pytest.raises(Refusal) as refused:
        async with database.transaction(tree.admin) as tx:
            await commands.create(tx, a_school(tree.county, "2134000001"))
    assert refused.value.code == "code-taken"


async def test_an_authority_sees_below_itself_and_the_schools_it_decides_for(database: Database, tree: Any) -> None:
    async with database.snapshot() as tx:
        today = tx.now.date()
        assert await queries.subtree(tx, tree.county, today) == {tree.county, tree.school, tree.campus, tree.junior}
        assert await queries.subtree(tx, tree.other_county, today) == {tree.other_county, tree.other_school}
        assert await queries.may_see(tx, tree.admin, tree.campus)
        assert await queries.may_see(tx, tree.officer, tree.campus)
        assert await queries.may_see(tx, tree.registrar, tree.campus)
        assert not await queries.may_see(tx, tree.officer, tree.other_school)
        assert not await queries.may_see(tx, tree.registrar, tree.county)
        assert not await queries.may_see(tx, tree.registrar, tree.junior)


async def test_a_school_is_handed_to_another_countys_authority_and_seen_by_it_from_that_day(
    database: Database, tree: Any
) -> None:
    async with database.transaction(tree.admin) as tx:
        today = tx.now.date()
        await commands.hand_over(tx, tree.school, tree.other_county, today + timedelta(days=7))
    async with database.snapshot() as tx:
        on = today + timedelta(days=7)
        asked = [tree.school, tree.campus, tree.junior]
        assert await queries.authority_of(tx, asked, today) == {
            tree.school: tree.county,
            tree.campus: tree.county,
            tree.junior: tree.city,
        }
        assert await queries.authority_of(tx, asked, on) == {
            tree.school: tree.other_county,
            tree.campus: tree.other_county,
            tree.junior: tree.city,
        }
        assert await queries.subtree(tx, tree.other_county, today) == {tree.other_county, tree.other_school}
        assert await queries.subtree(tx, tree.other_county, on) == {
            tree.other_county,
            tree.other_school,
            tree.school,
            tree.campus,
        }


async def test_before_its_first_day_and_for_strangers_nobody_decides(database: Database, tree: Any) -> None:
    async with database.snapshot() as tx:
        found = await queries.authority_of(tx, [tree.school, UUID(int=7)], date(2020, 8, 31))
    assert found == {tree.school: None, UUID(int=7): None}


async def test_a_schooling_holds_from_its_day(database: Database, tree: Any) -> None:
    async with database.transaction(tree.admin) as tx:
        today = tx.now.date()
        await commands.set_schooling(tx, tree.junior, Schooling.FIVE_FOUR, today + timedelta(days=1))
        assert (await queries.schools(tx, [tree.junior]))[tree.junior].schooling is Schooling.SIX_THREE
    async with database.transaction(tree.admin) as tx:
        await commands.set_schooling(tx, tree.junior, Schooling.FIVE_FOUR, today)
        assert (await queries.schools(tx, [tree.junior]))[tree.junior].schooling is Schooling.FIVE_FOUR
    with pytest.raises(Refusal) as refused:
        async with database.transaction(tree.admin) as tx:
            await commands.set_schooling(tx, tree.junior, Schooling.SIX_THREE, today - timedelta(days=1))
    assert refused.value.code == "schooling-in-the-past"


async def test_an_edit_on_an_old_version_is_refused(database: Database, tree: Any) -> None:
    async with database.transaction(tree.admin) as tx:
        await commands.edit(tx, tree.school, {"phone": "0551-66660001"}, 1)
    with pytest.raises(Refusal) as refused:
        async with database.transaction(tree.admin) as tx:
            await commands.edit(tx, tree.school, {"phone": "0551-66660002"}, 1)
    assert refused.value.code == "changed-meanwhile"


async def test_a_school_with_a_living_campus_does_not_end(database: Database, tree: Any) -> None:
    with pytest.raises(Refusal) as refused:
        async with database.transaction(tree.admin) as tx:
            await commands.edit(tx, tree.school, {"valid_until": date(2027, 8, 1)}, 1)
    assert refused.value.code == "still-in-use"
    async with database.transaction(tree.admin) as tx:
        await commands.edit(tx, tree.campus, {"valid_until": date(2027, 8, 1)}, 1)
        await commands.edit(tx, tree.school, {"valid_until": date(2027, 8, 1)}, 1)
        school = (await queries.schools(tx, [tree.school]))[tree.school]
    assert school.exists(date(2027, 7, 31))
    assert not school.exists(date(2027, 8, 1))
