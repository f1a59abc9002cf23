"""Whether statements find their rows by an index: asked of PostgreSQL, whose plans a small table would not show."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import text

from chassis.transaction import Database

_ASKED_SO = (
    "enable_seqscan = off",
    "enable_hashjoin = off",
    "enable_mergejoin = off",
    "plan_cache_mode = force_generic_plan",
)
"""Whoever has an index takes it then, however small the table, and without a look at the values."""


async def read_whole(database: Database, statements: Sequence[str], large: Collection[str]) -> list[str]:
    """Those statements that would read one of the large tables, or an index of it, from end to end."""
    found = []
    for statement, plan in (await _plans(database, statements, _ASKED_SO)).items():
        found += [f"{what}: {statement}" for what in _read_whole(plan, large)]
    return found


async def sorted_anew(database: Database, statements: Sequence[str]) -> list[str]:
    """Those statements whose rows no index can give in the order that is asked for: all of them are sorted first."""
    plans = await _plans(database, statements, (*_ASKED_SO, "enable_sort = off"))
    return [statement for statement, plan in plans.items() if any(kind.endswith("Sort") for kind in _kinds(plan))]


async def _plans(database: Database, statements: Sequence[str], asked_so: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Statement → its plan, values unknown."""
    plans: dict[str, dict[str, Any]] = {}
    async with database.snapshot() as tx:
        for setting in asked_so:
            await tx.execute(text(f"SET LOCAL {setting}"))
        for statement in dict.fromkeys(statements):
            values = max(map(int, re.findall(r"\$(\d+)", statement)), default=0)
            await tx.fetch(f"PREPARE asked AS {statement}")
            [(plan,)] = await tx.fetch(
                f"EXPLAIN (FORMAT JSON) EXECUTE asked{'(' + ', '.join(['NULL'] * values) + ')' if values else ''}"
            )
            await tx.fetch("DEALLOCATE asked")
            plans[statement] = plan[0]["Plan"]
    return plans


def _kinds(plan: dict[str, Any]) -> Iterator[str]:
    yield plan["Node Type"]
    for below in plan.get("Plans", ()):
        yield from _kinds(below)


def _read_whole(plan: dict[str, Any], large: Collection[str]) -> Iterator[str]:
    kind = plan["Node Type"]
    about = plan.get("Relation Name") or plan.get("Index Name", "").removesuffix("_pkey")
    if about in large and (kind == "Seq Scan" or ("Index" in kind and "Index Cond" not in plan)):
        yield f"{kind} of {about}"
    for below in plan.get("Plans", ()):
        yield from _read_whole(below, large)
