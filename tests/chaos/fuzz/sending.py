"""Sends requests and looks at the answers: nothing is broken, so that no answer may say that something is."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

from tests.chaos.fuzz.requesting import Asked, Requests
from tests.chaos.fuzz.values import MARK

REQUESTS: Final = int(os.environ.get("CHAOS_FUZZ_REQUESTS", "20000"))
SEED: Final = int(os.environ.get("CHAOS_SEED", "1"))
SIDE_BY_SIDE: Final = 8
SLOW: Final = 30.0
"""Seconds after which an answer does not come any more."""
_NEW_TOKENS_EVERY: Final = 20.0


LONGEST: Final = 1200 + REQUESTS // 50
"""Seconds that a test of the fuzz may take."""


def share(part: float) -> int:
    """So many of all requests."""
    return max(50, round(REQUESTS * part))


@dataclass
class Found:
    """What came back."""

    statuses: Counter[int] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    """Routes that answered 2xx."""
    asked: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)
    """The first answers that may not be, each with the request that makes it again."""
    seconds: list[float] = field(default_factory=list)
    away: int = 0
    """Answers 503 that were none when asked again."""
    pages: bool = False
    """Answers are pages for people: what is wrong is told on a page, beside what was typed."""

    def judge(self, asked: Asked, answer: httpx2.Response, seconds: float) -> None:
        """Note an answer."""
        self.statuses[answer.status_code] += 1
        self.asked[asked.route] += 1
        self.seconds.append(seconds)
        if answer.status_code < 400:
            self.reached[asked.route] += 1
            return
        if answer.status_code >= 500:
            self._note("5xx", asked, answer)
        elif self.pages:
            if "<script>1</script>" in answer.text:
                self._note("a script of a stranger", asked, answer)
        elif "application/problem+json" not in answer.headers.get("content-type", ""):
            self._note("no problem+json", asked, answer)
        elif MARK in answer.text:
            self._note("gives back what was sent", asked, answer)

    def _note(self, what: str, asked: Asked, answer: httpx2.Response) -> None:
        if len(self.bad) < 20:
            self.bad.append(
                f"{what}: {asked.method} {asked.path[:300]} {dict(asked.headers)} {asked.content[:600]!r}"
                f" -> {answer.status_code} {answer.text[:300]}"
            )

    def __str__(self) -> str:
        ordered = sorted(self.seconds)
        late = ordered[int(len(ordered) * 0.99)] if ordered else 0.0
        return (
            f"{self.statuses.total()} requests, {len(self.reached)} of {len(self.asked)} routes reached,"
            f" statuses {dict(sorted(self.statuses.items()))}, p99 {late * 1000:.0f} ms,"
            f" most {max(ordered, default=0):.2f} s, {self.away} asked again"
        )


async def send(
    clients: Callable[[], Sequence[httpx2.AsyncClient]],
    requests: Requests,
    number: int,
    *,
    also: Iterable[Asked] = (),
    pages: bool = False,
) -> Found:
    """Ask that many times, and first what stands in `also`, as anybody; `clients` is asked for fresh tokens."""
    found, left = Found(pages=pages), iter([*also])
    people, since = clients(), time.monotonic()
    sent = 0

    async def client() -> None:
        nonlocal sent, people, since
        while sent < number:
            sent += 1
            if time.monotonic() - since > _NEW_TOKENS_EVERY:
                people, since = clients(), time.monotonic()
            asked = next(left, None) or requests.one()
            began = time.monotonic()
            asking = people[requests.chance.randrange(len(people))]
            try:
                answer = await asyncio.wait_for(_ask(asking, asked), SLOW)
            except httpx2.InvalidURL:  # longer than this client sends; raw bytes try such addresses
                continue
            if answer.status_code == 503:
                # A machine that is busy elsewhere loses a connection now and then; what a request does, it does again.
                found.away += 1
                answer = await asyncio.wait_for(_ask(asking, asked), SLOW)
            found.judge(asked, answer, time.monotonic() - began)
            if answer.status_code < 300:
                requests.learn(answer.content)

    async with asyncio.TaskGroup() as group:
        for _ in range(SIDE_BY_SIDE):
            group.create_task(client())
    return found


async def _ask(client: httpx2.AsyncClient, asked: Asked) -> httpx2.Response:
    return await client.request(
        asked.method, asked.path, headers=dict(asked.headers), content=asked.content or None, follow_redirects=False
    )


def drawn(description: dict[str, Any], number: int, seed: int) -> list[Asked]:
    """Requests that schemathesis makes of a description: what it holds right, and what it holds wrong."""
    import hypothesis
    import schemathesis
    from schemathesis import GenerationMode
    from schemathesis.core.result import Ok

    made: list[Asked] = []
    schema = schemathesis.openapi.from_dict(description)
    operations = [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]
    each_gets = max(1, number // (2 * len(operations)))
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                strategy = operation.as_strategy(generation_mode=mode)
            except schemathesis.errors.SchemathesisError:
                continue

            @hypothesis.seed(seed)
            @hypothesis.settings(
                max_examples=each_gets, database=None, deadline=None, phases=[hypothesis.Phase.generate],
                suppress_health_check=list(hypothesis.HealthCheck),
            )  # fmt: skip
            @hypothesis.given(case=strategy)
            def collect(case: Any) -> None:
                given = case.as_transport_kwargs(base_url="http://x")
                if len(made) < number * 2:
                    made.append(_as_asked(case, given))

            try:
                collect()
            except hypothesis.errors.Unsatisfiable:
                continue
    return made


def _as_asked(case: Any, given: dict[str, Any]) -> Asked:
    request = httpx2.Request(
        given["method"],
        given["url"],
        params={name: value for name, value in (given.get("params") or {}).items() if value is not None} or None,
        json=given.get("json"),
    )
    headers = {
        name: str(value)
        for name, value in (given.get("headers") or {}).items()
        if name.lower() not in ("authorization", "host", "content-length", "user-agent", "x-schemathesis-testcaseid")
        and str(value).isascii() and str(value).isprintable()
    }  # fmt: skip
    if given.get("json") is not None:
        headers["Content-Type"] = "application/json"
    return Asked(
        f"{case.method} {case.path}", case.method, str(request.url.raw_path, "ascii"), headers, request.content
    )
