"""From an approval to the record on the national topic, one at a time on an idle system."""

import asyncio
import shutil
import statistics
import time
from functools import partial

import asyncpg
from aiokafka import AIOKafkaConsumer

from contracts.topics import NATIONAL_RECORD
from sample.clients import Services
from tests.harness.eventually import eventually
from tests.harness.province import fill
from tests.harness.whole import WholeStack, temporary_folder
from tests.performance.measuring import table, until

APPROVALS = 100


_LATELY = """
SELECT count(*) FROM saying WHERE sent_at IS NULL OR sent_at > now() - interval '0.6 seconds'
"""


async def is_idle(stack: WholeStack) -> bool:
    """Whether nobody has said anything for a while: the outcome of the last approval has come home."""
    for dsn in stack.about()["postgres"].values():
        connection = await asyncpg.connect(dsn)
        try:
            if await connection.fetchval(_LATELY):
                return False
        finally:
            await connection.close()
    return True


async def measure() -> list[float]:
    """Milliseconds of each approval, from the request's first byte to the record in a consumer's hands."""
    folder = temporary_folder("latency")
    stack = WholeStack(folder / "local", environment={"REGISTRY_PHOTO_REQUIRED": "false"})
    try:
        await asyncio.to_thread(stack.start)
        async with Services(stack.urls) as services:
            (school,) = await fill(stack, services, APPROVALS + 5, folder)
            taken = await school.registrar.upload("registry", "/v1/imports", "roster.xlsx", school.workbook, mode="run")
            path = f"/v1/imports/{taken['id']}"
            await until(partial(school.registrar.get, "registry", path), lambda told: told["state"] == "done")
            await school.registrar.post("registry", "/v1/submissions/all", {"school_id": school.id})
            asking = partial(school.officer.get, "review", "/v1/cases", state="open", school=school.id, limit=200)
            page = await until(asking, lambda page: page["total"] >= school.pupils)
            consumer = AIOKafkaConsumer(
                NATIONAL_RECORD.name, bootstrap_servers=stack.about()["kafka"], fetch_max_wait_ms=20
            )
            await consumer.start()
            try:
                took = []
                for case in page["items"]:
                    began = time.perf_counter()
                    body = {"content_hash": case["content_hash"]}
                    approving = asyncio.create_task(
                        school.officer.post("review", f"/v1/cases/{case['id']}/approve", body)
                    )
                    while True:
                        record = await consumer.getone()
                        if (record.key or b"").decode() == case["student_id"]:
                            break
                    took.append((time.perf_counter() - began) * 1000)
                    await approving
                    await eventually(partial(is_idle, stack), within=30, every=0.2)
            finally:
                await consumer.stop()
    finally:
        await asyncio.to_thread(stack.stop)
        shutil.rmtree(folder, ignore_errors=True)
    return took[5:]


def main() -> None:
    """Print the quantiles."""
    took = sorted(asyncio.run(measure()))
    cuts = statistics.quantiles(took, n=100)
    table(
        f"Approval to national topic, {len(took)} approvals on an idle system, ms",
        ["p50", "p95", "worst"],
        [[f"{cuts[49]:.0f}", f"{cuts[94]:.0f}", f"{took[-1]:.0f}"]],
    )


if __name__ == "__main__":
    main()
