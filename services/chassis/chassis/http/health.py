"""Whether the process lives, whether it is ready, what it measured."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chassis.telemetry.metrics import exposition

log = structlog.get_logger("chassis.http")
Check = Callable[[], Awaitable[str | None]]
"""None when all is well, or a sentence that says what is not ready yet."""
PATIENCE: Final = 2.0


def health(checks: Sequence[Check]) -> list[Route]:
    """`/health/live`, `/health/ready`, `/metrics`."""

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def ready(_: Request) -> Response:
        found = await asyncio.gather(*(_asked(check) for check in checks))
        why = [sentence for sentence in found if sentence]
        if why:
            return JSONResponse({"status": "not-ready", "why": why}, status_code=503, headers={"Retry-After": "1"})
        return JSONResponse({"status": "ready"})

    async def metrics(_: Request) -> Response:
        content, kind = exposition()
        return Response(content, media_type=kind)

    return [Route("/health/live", live), Route("/health/ready", ready), Route("/metrics", metrics)]


async def _asked(check: Check) -> str | None:
    try:
        async with asyncio.timeout(PATIENCE):
            return await check()
    except TimeoutError:
        return "A check did not answer in time."
    except Exception as error:  # noqa: BLE001 - whatever it is, the answer is "not ready"
        log.warning("health.not-ready", error=type(error).__name__)
        return f"A check failed: {type(error).__name__}."
