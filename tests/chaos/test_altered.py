"""The checker sees what nobody chose: rows of every database changed, gone or doubled by chance, each found.

`CHAOS_ALTERED` says how many of each database; `all` alters every column of every table once, and each table's rows.
"""

import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from tests.chaos.alone import ALONE
from tests.chaos.altering import Alteration, Alterer, How, Schema, alterations, drawn, schema_of
from tests.chaos.check import heads_of, judged, look, verify
from tests.chaos.check.world import SERVICES, World, look_again
from tests.chaos.planting import Garden
from tests.chaos.run import seed_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
ASKED = os.environ.get("CHAOS_ALTERED", "8")
EVERY = ASKED == "all"
DOSE = 0 if EVERY else int(ASKED)
MOST_TRIES = 20
"""Draws for one alteration: tables stand empty, and some rows cannot be altered in some way."""
_LEFT_OUT = frozenset(name for names in ALONE.values() for name in names)


@dataclass(slots=True)
class Count:
    """What became of the alterations of one database."""

    altered: int = 0
    found: Counter[str] = field(default_factory=Counter)
    """Invariant → how many it has found; several find one."""
    unseen: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    """No row could be altered so: tables that stand empty, words that have no other."""
    heard_of: list[str] = field(default_factory=list)
    """Listed as standing alone, and found all the same."""


@pytest.fixture
async def known(garden: Garden) -> AsyncIterator[World]:
    """The world with the ends of its audit chains kept; all is well on it, before and after."""
    heads = list(heads_of(garden.world))
    # Looked at anew: other tests have made topics anew since, and records lie elsewhere in them.
    world = await look(garden.stack, garden.journals, quiet=True, heads=heads)
    assert judged(world).is_clean, judged(world).told()
    for service in SERVICES:
        again = judged(await look_again(world, garden.stack, service))
        assert again.is_clean, f"{service} without any alteration: {again.told()}"
    yield world
    after = await verify(garden.stack, garden.journals, quiet=True, heads=heads)
    assert after.is_clean, after.told()


@pytest.mark.part("Single rows altered by chance, each found", DOSE)
@pytest.mark.parametrize("service", SERVICES)
async def test_an_altered_row_is_found(garden: Garden, known: World, service: str) -> None:
    seed = seed_of(f"altered {service}")
    print(f"CHAOS_SEED={seed} for {service}")
    chance = random.Random(f"{seed} {service}")
    schema = await schema_of(garden, service)
    alterer = Alterer(garden, service, schema, chance)
    count = Count()
    if EVERY:
        for what in alterations(service, schema):
            await _alter(alterer, known, what, count)
    else:
        for _ in range(DOSE):
            await _alter_one(alterer, known, chance, count)
    print(
        f"{service}: {count.altered} altered, {count.altered - len(count.unseen)} found"
        f" {dict(sorted(count.found.items()))}, not to be altered: {count.empty}"
    )
    for name in count.heard_of:
        print(f"{name} is listed in alone.py as standing alone; this time it was found")
    assert not count.unseen, f"altered and not found, seed {seed}: {count.unseen}"
    assert count.altered >= max(1, DOSE)


async def _alter_one(alterer: Alterer, known: World, chance: random.Random, count: Count) -> None:
    """One more of those that do not stand alone."""
    for _ in range(MOST_TRIES):
        what = drawn(alterer.service, alterer.schema, chance, _LEFT_OUT)
        if await _alter(alterer, known, what, count):
            return
    raise AssertionError(f"nothing of {alterer.service} can be altered: {count.empty[-MOST_TRIES:]}")


async def _alter(alterer: Alterer, known: World, what: Alteration, count: Count) -> bool:
    """Whether it could be altered; if so it is counted."""
    async with alterer.altered(what) as is_altered:
        if not is_altered:
            count.empty.append(str(what))
            return False
        report = judged(await look_again(known, alterer.garden.stack, alterer.service))
    if str(what) in _LEFT_OUT:
        if not report.is_clean:
            count.heard_of.append(str(what))
        return True
    count.altered += 1
    count.found.update(report.violations.keys())
    if report.is_clean:
        count.unseen.append(str(what))
    return True


async def test_what_is_listed_as_standing_alone_exists(garden: Garden) -> None:
    schemas: dict[str, Schema] = {service: await schema_of(garden, service) for service in SERVICES}
    there = {str(each) for service, schema in schemas.items() for each in alterations(service, schema)}
    assert sorted(_LEFT_OUT - there) == []
    assert sum(map(len, ALONE.values())) == len(_LEFT_OUT), "something is listed twice"
    whole = {f"{service}.{table}" for service, schema in schemas.items() for table in schema}
    for table in whole:
        changes = {each for each in there if each.startswith(f"{table}.")}
        if changes <= _LEFT_OUT:
            print(f"nothing of {table} is found by anybody")
    print(f"{len(there)} ways to alter, {len(_LEFT_OUT)} left out for {len(ALONE)} reasons")


async def test_an_alteration_that_stands_alone_is_not_found(garden: Garden, known: World) -> None:
    """The control: not whatever is touched is found, but what contradicts something."""
    schema = await schema_of(garden, "registry")
    alterer = Alterer(garden, "registry", schema, random.Random(1))
    async with alterer.altered(Alteration("registry", "organisation", How.CHANGED, "address")) as is_altered:
        assert is_altered
        assert judged(await look_again(known, garden.stack, "registry")).is_clean
