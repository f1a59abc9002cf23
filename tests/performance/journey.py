"""The journey of 20,000 pupils through every service, and the same with consumers that take one event at a time.

Import → pre-review → submission → approval in batches → registration → sealed record → the nation's receipt → outcome
on the pupil. Photos are switched off (REGISTRY_PHOTO_REQUIRED=false: a warning with a reason instead). PROFILE_PUPILS
and PROFILE_ONLY=1 shorten it for a look with a profiler.
"""

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

from sample.clients import Services
from tests.harness.province import Filled, fill
from tests.harness.whole import WholeStack, temporary_folder
from tests.performance.measuring import by_service, console, cost, table, until

PUPILS = int(os.environ.get("PROFILE_PUPILS", "20000"))
PUPILS_ONE_BY_ONE = 600
"""The journey with single events would take half an hour with all; its rate does not depend on the number."""
WATCHED = 0.5
"""Seconds between two looks of a person at how far it is: to look costs what is measured, too."""
WITHOUT_PHOTOS = {"REGISTRY_PHOTO_REQUIRED": "false"}
ONE_BY_ONE = {f"{service}_BATCH": "1" for service in ("REGISTRY", "REVIEW", "PHOTO", "SYNC", "NATION")}


@dataclass(frozen=True, slots=True)
class Measured:
    """One journey."""

    pupils: int
    marks: Mapping[str, float]
    """Stage → seconds since the beginning at which the last pupil had passed it."""
    cpu: Mapping[str, float]
    """Program → seconds of CPU."""
    by_stage: Mapping[str, Mapping[str, float]]
    """Stage → program → seconds of CPU since the beginning, when the last pupil had passed it."""

    @property
    def seconds(self) -> float:
        return max(self.marks.values())

    @property
    def rate(self) -> float:
        """Pupils per second from the upload to the outcome on the pupil."""
        return self.pupils / self.seconds

    @property
    def rate_of_messages(self) -> float:
        """Pupils per second from drafts to the outcome: what people ask for, consumers and relays carry."""
        return self.pupils / (self.seconds - self.marks["drafted"])


async def travel(pupils: int, environment: Mapping[str, str]) -> Measured:
    """Take so many pupils all the way on a stack of their own."""
    folder = temporary_folder("journey")
    stack = WholeStack(folder / "local", environment={**WITHOUT_PHOTOS, **environment})
    try:
        await asyncio.to_thread(stack.start)
        async with Services(stack.urls) as services:
            schools = await fill(stack, services, pupils, folder)
            await _settled(services, schools)
            console.print(f"{pupils:,} pupils set out")
            before = cost(stack.programs)
            reached: dict[str, Mapping[str, float]] = {}
            marks = await _journey(schools, lambda stage: reached.update({stage: cost(stack.programs).since(before)}))
            spent = cost(stack.programs).since(before)
    finally:
        await asyncio.to_thread(stack.stop)
        shutil.rmtree(folder, ignore_errors=True)
    return Measured(pupils, marks, spent, reached)


async def _settled(services: Services, schools: Sequence[Filled]) -> None:
    """Review and sync have heard of the schools and of who works there."""
    for school in schools:
        await until(partial(school.officer.get, "review", "/v1/cases", school=school.id, limit=1), bool)


async def _journey(schools: Sequence[Filled], passed: Callable[[str], None]) -> dict[str, float]:
    began = time.monotonic()
    marks: dict[str, float] = {}

    def mark(stage: str) -> None:
        marks[stage] = time.monotonic() - began
        passed(stage)

    async def draft(school: Filled) -> None:
        registrar = school.registrar
        taken = await registrar.upload("registry", "/v1/imports", "roster.xlsx", school.workbook, mode="run")
        told = await until(
            lambda: registrar.get("registry", f"/v1/imports/{taken['id']}"), lambda told: told["state"] == "done"
        )
        assert told["created"] == school.pupils, {name: told[name] for name in ("created", "refused", "by_reason")}
        mark("drafted")

    async def bring(school: Filled) -> None:
        registrar, officer = school.registrar, school.officer
        page = await registrar.get("registry", "/v1/pre-review", school=school.id, limit=1)
        assert page["counts"] == {"green": school.pupils, "amber": 0, "red": 0}, page
        mark("pre-reviewed")
        await registrar.post("registry", "/v1/submissions/all", {"school_id": school.id})
        mark("submitted")
        queue = partial(officer.get, "review", "/v1/cases", state="open", school=school.id, limit=200)
        approved = 0
        while approved < school.pupils:
            page = await until(queue, lambda page: bool(page["items"]), every=0.2)
            pairs = [{"id": each["id"], "content_hash": each["content_hash"]} for each in page["items"]]
            receipt = await officer.post("review", "/v1/cases/approve", {"cases": pairs})
            assert not receipt["refused"], receipt["refused"][0]
            approved += len(receipt["approved"])
        mark("approved")
        await _total(registrar, "registry", "/v1/students", school, status="registered")
        mark("registered")
        await _total(officer, "sync", "/v1/standings", school)
        await until(
            lambda: officer.get("sync", "/v1/standings", school=school.id, standing="waiting", limit=1),
            lambda page: page["total"] == 0,
            every=WATCHED,
        )
        mark("answered by the nation")
        await until(
            lambda: registrar.get(
                "registry", "/v1/students", school=school.id, status="registered", standing="waiting", limit=1
            ),
            lambda page: page["total"] == 0,
            every=WATCHED,
        )
        mark("outcome on the pupil")

    # Nobody submits before all are drafted: what comes after is then measured from where all of it begins.
    await asyncio.gather(*(draft(school) for school in schools))
    await asyncio.gather(*(bring(school) for school in schools))
    return marks


async def _total(person: Any, service: str, path: str, school: Filled, **params: str) -> None:
    await until(
        lambda: person.get(service, path, school=school.id, limit=1, **params),
        lambda page: page["total"] >= school.pupils,
        every=WATCHED,
    )


def main() -> None:
    """Print pupils a second, where the time went, and where the CPU went."""
    whole = asyncio.run(travel(PUPILS, {}))
    table(
        f"{whole.pupils:,} pupils: when the last one had passed",
        ["stage", "seconds", "since the stage before"],
        [
            [name, f"{at:.1f}", f"{at - before:.1f}"]
            for (_, before), (name, at) in pairwise([("", 0.0), *sorted(whole.marks.items(), key=lambda item: item[1])])
        ],
    )
    _by_stage(whole)
    spent = sorted(by_service(whole.cpu).items(), key=lambda item: -item[1])
    total = sum(whole.cpu.values())
    table(
        "CPU",
        ["program", "seconds", "µs a pupil", "share"],
        [[n, f"{s:.1f}", f"{s / whole.pupils * 1e6:.0f}", f"{s / total:.0%}"] for n, s in spent]
        + [["all", f"{total:.1f}", f"{total / whole.pupils * 1e6:.0f}", "100%"]],
    )
    console.print(
        f"journey: {whole.rate:,.0f} pupils/s from upload to outcome, "
        f"{whole.rate_of_messages:,.0f} pupils/s from drafts to outcome"
    )
    if os.environ.get("PROFILE_ONLY"):
        return
    single = asyncio.run(travel(PUPILS_ONE_BY_ONE, ONE_BY_ONE))
    console.print(
        f"consumers' batch size 1 ({single.pupils} pupils): {single.rate:,.0f} pupils/s from upload to outcome, "
        f"{single.rate_of_messages:,.0f} from drafts; "
        f"batches are {whole.rate_of_messages / single.rate_of_messages:.1f} times as fast"
    )


def _by_stage(whole: Measured) -> None:
    stages = [name for name, _ in sorted(whole.marks.items(), key=lambda item: item[1])]
    programs = sorted(by_service(whole.cpu))
    rows = []
    before: Mapping[str, float] = {}
    for stage in stages:
        spent = by_service(whole.by_stage[stage])
        rows.append(
            [stage, *(f"{(spent.get(name, 0) - before.get(name, 0)) / whole.pupils * 1e6:.0f}" for name in programs)]
        )
        before = spent
    table(
        "µs of CPU a pupil, by stage (from pre-review on, stages of several schools overlap)",
        ["stage", *programs],
        rows,
    )


if __name__ == "__main__":
    main()
