import asyncio
from typing import Any
from uuid import UUID

import pytest

from chassis.sealing import Vault
from chassis.transaction import Database
from contracts import topics
from contracts.refusal import Refusal
from contracts.values import Stage
from registry.classes import commands, queries
from registry.classes.commands import NewClass
from registry.classes.domain import Signal


async def size_of(database: Database, class_id: UUID) -> int:
    async with database.snapshot() as tx:
        return (await queries.classes(tx, [class_id]))[class_id].size


async def test_a_class_gets_the_next_number_and_is_said(
    database: Database, tree: Any, a_class: Any, spoken: Any
) -> None:
    first, second, earlier = await a_class(), await a_class(campus=tree.campus), await a_class(entry_year=2025)
    async with database.snapshot() as tx:
        found = await queries.classes(tx, [first, second, earlier])
    assert [(found[each].number, found[each].name) for each in (first, second, earlier)] == [
        ("2026101", "2026级(1)班"),
        ("2026102", "2026级(2)班"),
        ("2025101", "2025级(1)班"),
    ]
    said = dict(await spoken(topics.CLASS))
    assert said[second]["campus_id"] == str(tree.campus)
    assert said[second]["school_id"] == str(tree.school)
    assert "head_teacher" not in said[second]


async def test_without_an_approved_plan_no_class_is_formed(database: Database, vault: Vault, tree: Any) -> None:
    with pytest.raises(Refusal) as refused:
        async with database.transaction(tree.registrar) as tx:
            await commands.create(tx, vault, tree.school, NewClass(Stage.PRIMARY, 2026))
    assert refused.value.code == "no-plan"


async def test_two_clerks_at_once_do_not_exceed_the_plan(database: Database, vault: Vault, tree: Any) -> None:
    async with database.transaction(tree.officer) as tx:
        await commands.set_plan(tx, tree.school, Stage.PRIMARY, 2026, 3)

    async def form() -> str:
        try:
            async with database.transaction(tree.registrar) as tx:
                await commands.create(tx, vault, tree.school, NewClass(Stage.PRIMARY, 2026))
        except Refusal as refused:
            return refused.code
        return "formed"

    outcomes = await asyncio.gather(*(form() for _ in range(6)))
    assert sorted(outcomes) == ["formed"] * 3 + ["plan-used-up"] * 3
    async with database.snapshot() as tx:
        found, _ = await queries.details(tx, tree.school, campus_id=None, closed=False, offset=0, limit=9)
    assert [each.number for each in found] == ["2026101", "2026102", "2026103"]


async def test_a_closed_class_frees_its_place_in_the_plan_but_not_its_number(
    database: Database, vault: Vault, tree: Any
) -> None:
    async with database.transaction(tree.officer) as tx:
        await commands.set_plan(tx, tree.school, Stage.PRIMARY, 2026, 1)
        first = await commands.create(tx, vault, tree.school, NewClass(Stage.PRIMARY, 2026))
        await commands.close(tx, first)
        second = await commands.create(tx, vault, tree.school, NewClass(Stage.PRIMARY, 2026))
        assert (await queries.classes(tx, [second]))[second].number == "2026102"


async def test_fifty_takers_get_the_last_ten_seats_and_no_more(database: Database, tree: Any, a_class: Any) -> None:
    class_id = await a_class(capacity=10)

    async def take() -> str:
        try:
            async with database.transaction(tree.registrar) as tx:
                await commands.take_seats(tx, {class_id: 1})
        except Refusal as refused:
            return refused.code
        return "seated"

    outcomes = await asyncio.gather(*(take() for _ in range(50)))
    assert (outcomes.count("seated"), outcomes.count("class-full")) == (10, 40)
    assert await size_of(database, class_id) == 10


async def test_a_full_class_says_how_full_and_what_to_do(database: Database, tree: Any, a_class: Any) -> None:
    class_id = await a_class()
    with pytest.raises(Refusal) as refused:
        async with database.transaction(tree.registrar) as tx:
            await commands.take_seats(tx, {class_id: 56})
    assert refused.value.code == "class-full"
    assert refused.value.sentence == (
        "2026级(1)班已有0人，达到班额上限55人。请选择其他班级，或由县级主管单位凭文号放宽。"
    )
    assert await size_of(database, class_id) == 0


async def test_an_import_takes_what_is_left_in_two_statements(
    database: Database, tree: Any, a_class: Any, statements: Any
) -> None:
    classes = [await a_class(capacity=size) for size in (46, 3, 60)]
    async with database.transaction(tree.registrar) as tx:
        with statements(tx) as count:
            seats = await commands.take_seats(tx, {classes[0]: 46, classes[1]: 5, classes[2]: 1}, partly=True)
    assert len(count) == 2
    assert [seats[each].granted for each in classes] == [46, 3, 1]
    assert [seats[each].left for each in classes] == [0, 0, 59]
    assert [seats[each].size for each in classes] == [46, 3, 1]


async def test_two_that_take_the_same_classes_in_other_orders_do_not_lock_each_other(
    database: Database, tree: Any, a_class: Any
) -> None:
    one, other = await a_class(), await a_class()

    async def take(wanted: dict[UUID, int]) -> None:
        async with database.transaction(tree.registrar) as tx:
            await commands.take_seats(tx, wanted)

    await asyncio.gather(*(take({one: 1, other: 1} if n % 2 else {other: 1, one: 1}) for n in range(20)))
    assert await size_of(database, one) == 20
    assert await size_of(database, other) == 20


async def test_seats_given_back_can_be_taken_again(database: Database, tree: Any, a_class: Any) -> None:
    class_id = await a_class(capacity=2)
    async with database.transaction(tree.registrar) as tx:
        await commands.take_seats(tx, {class_id: 2})
    async with database.transaction(tree.registrar) as tx:
        await commands.release_seats(tx, {class_id: 1})
        await commands.take_seats(tx, {class_id: 1})
    assert await size_of(database, class_id) == 2


async def test_a_class_that_is_not_empty_is_not_closed(database: Database, tree: Any, a_class: Any) -> None:
    class_id = await a_class()
    async with database.transaction(tree.registrar) as tx:
        await commands.take_seats(tx, {class_id: 1})
    with pytest.raises(Refusal) as refused:
        async with database.transaction(tree.registrar) as tx:
            await commands.close(tx, class_id)
    assert refused.value.code == "class-not-empty"


async def test_nobody_sits_down_in_a_closed_class(database: Database, tree: Any, a_class: Any) -> None:
    class_id = await a_class()
    async with database.transaction(tree.registrar) as tx:
        await commands.close(tx, class_id)
    with pytest.raises(Refusal) as refused:
        async with database.transaction(tree.registrar) as tx:
            await commands.take_seats(tx, {class_id: 1})
    assert refused.value.code == "class-closed"


async def test_an_authority_lets_a_class_grow_by_document(database: Database, tree: Any, a_class: Any) -> None:
    class_id = await a_class()
    async with database.transaction(tree.officer) as tx:
        await commands.override_limit(tx, class_id, 60, "长教〔2026〕7号", province=False)
        await commands.take_seats(tx, {class_id: 60})
    with pytest.raises(Refusal) as refused:
        async with database.transaction(tree.officer) as tx:
            await commands.override_limit(tx, class_id, 66, "长教〔2026〕8号", province=False)
    assert refused.value.code == "limit-of-the-province"


async def test_a_class_without_a_head_teacher_is_signalled(database: Database, tree: Any, a_class: Any) -> None:
    without, normal = await a_class(head_teacher=None), await a_class()
    async with database.snapshot() as tx:
        found = await queries.signals(tx, [tree.school])
    assert Signal.NO_HEAD_TEACHER in found[without]
    assert Signal.NO_HEAD_TEACHER not in found[normal]


async def test_a_class_stays_out_of_another_schools_campus(database: Database, vault: Vault, tree: Any) -> None:
    async with database.transaction(tree.officer) as tx:
        await commands.set_plan(tx, tree.junior, Stage.JUNIOR, 2026, 3)
    with pytest.raises(Refusal) as refused:
        async with database.transaction(tree.junior_registrar) as tx:
            await commands.create(tx, vault, tree.junior, NewClass(Stage.JUNIOR, 2026, campus_id=tree.campus))
    assert refused.value.code == "campus-not-of-school"
