"""One person's questions: every try of every change is written down before it is sent and after it was answered."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self, TypeVar
from uuid import UUID

import httpx2

from sample.accounts import Accounts
from tests.chaos.journal import Journal
from tests.harness.eventually import eventually, until

T = TypeVar("T")
READ_WITHIN = 10.0
"""Seconds for an answer; then nobody knows."""
PATIENCE = 300.0
"""Seconds before she gives something up: an outage of minutes is waited out."""
PAUSES = (0.2, 0.9)
"""Seconds between two tries: each person's own, so that many do not come back at once."""


class GivenUp(Exception):  # noqa: N818 - the person's word
    """It was refused where only an answer was expected, or nobody answered for too long."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a person was told in the end."""

    outcome: Literal["ok", "fail", "info"]
    status: int
    """0 where nobody answered."""
    body: Any = None

    @property
    def code(self) -> str:
        """The refusal's code, or the exception's name."""
        return str(self.body.get("code", "")) if isinstance(self.body, dict) else str(self.body or "")


def nothing(body: Any) -> Mapping[str, Any]:
    """An answer of which nothing is to be remembered."""
    return {}


class Client:
    """One person at one keyboard. She keeps her token until it is refused, then signs in again."""

    def __init__(
        self,
        urls: Mapping[str, str],
        accounts: Accounts,
        login: str,
        journal: Journal,
        chance: random.Random,
        leaving: asyncio.Event,
    ) -> None:
        """`leaving` is set when everybody is sent home."""
        self.urls = urls
        self.login = login
        self.journal = journal
        self.chance = chance
        self.account_id = ""
        self.school_id = ""
        self.acknowledged = 0
        """Changes that were said to be done."""
        self._accounts = accounts
        self._session: str | None = None
        self._token: str | None = None
        self.leaving = leaving
        self._client = httpx2.AsyncClient(
            timeout=httpx2.Timeout(READ_WITHIN, connect=3.0),
            trust_env=False,
            limits=httpx2.Limits(max_connections=4, keepalive_expiry=5.0),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()
        self.journal.close()

    async def rest(self, seconds: float) -> None:
        """Between two pieces of work: half to one and a half times so long, or until she is sent home."""
        await until(self.leaving, seconds * self.chance.uniform(0.5, 1.5))

    def new_key(self) -> str:
        """An idempotency key, from the run's chance."""
        return str(UUID(int=self.chance.getrandbits(128), version=4))

    async def enter(self) -> None:
        """Sign in, as often as it takes."""
        known = self._accounts.people[self.login]
        body = {"login": self.login, "password": known["password"]}

        async def answered() -> Told | None:
            told = await self._try("POST", "registry", "/v1/sessions", {}, json=body)
            return None if told.outcome == "info" or told.status == 429 else told

        told = await self.patiently(answered, "nobody lets her sign in")
        if told.outcome == "fail":
            raise GivenUp(f"{self.login} may not sign in: {told.code}")
        self._session, self._token = told.body["session"], None
        self.account_id = told.body["account"]["id"]
        self.school_id = told.body["account"]["organisation"]["id"]

    async def read(self, service: str, path: str, **params: Any) -> Any:
        """What a service answers, asked until it does. Raises GivenUp when it refuses."""
        sent = {name: value for name, value in params.items() if value is not None}

        async def answered() -> Told | None:
            return self._heard(await self._try("GET", service, path, await self._bearer(), params=sent))

        told = await self.patiently(answered, f"{path} is not answered")
        if told.outcome == "fail":
            raise GivenUp(f"{path}: {told.code}")
        return told.body

    async def pages(self, service: str, path: str, **params: Any) -> list[Any]:
        """All items of a list, as they were page by page."""
        items: list[Any] = []
        while True:
            page = await self.read(service, path, offset=len(items), limit=200, **params)
            items += page["items"]
            if len(items) >= page["total"] or not page["items"]:
                return items

    async def change(
        self,
        op: str,
        service: str,
        path: str,
        *,
        method: str = "POST",
        body: Any = None,
        file: tuple[str, bytes] | None = None,
        params: Mapping[str, Any] | None = None,
        key: str | None = None,
        again: bool = True,
        brief: bool = False,
        told: Callable[[Any], Mapping[str, Any]] = nothing,
        **about: Any,
    ) -> Told:
        """Ask for a change until somebody says yes or no; with `again=False` once, and then it may be `info`.

        Every try has its invoke and its answer in the journal; `told` picks what of a yes is written down;
        with `brief` the yes has no body.
        """
        arguments: dict[str, Any] = {"params": dict(params or {})}
        if file is not None:
            arguments["files"] = {"file": (file[0], file[1], "application/octet-stream")}
        elif body is not None:
            arguments["json"] = body
        keyed = {"Idempotency-Key": key} if key else {}
        if brief:
            keyed["Prefer"] = "return=minimal"
        named = key or self.new_key()

        async def answered() -> Told | None:
            headers = {**await self._bearer(), **keyed}
            n = self.journal.invoke(op, named, account=self.account_id, keyed=bool(key), **about)
            answer = await self._try(method, service, path, headers, **arguments)
            if answer.outcome == "ok":
                self.journal.ok(n, **told(answer.body))
                self.acknowledged += 1
            elif answer.outcome == "fail":
                self.journal.fail(n, status=answer.status, code=answer.code)
            else:
                self.journal.info(n, status=answer.status, code=answer.code)
            return answer if answer.outcome == "info" and not again else self._heard(answer)

        return await self.patiently(answered, f"{op} is not answered")

    async def _try(self, method: str, service: str, path: str, headers: Mapping[str, str], **arguments: Any) -> Told:
        try:
            answer = await self._client.request(method, self.urls[service] + path, headers=headers, **arguments)
            body = answer.json() if answer.content else None
        except (httpx2.TransportError, httpx2.DecodingError, ValueError) as error:
            return Told("info", 0, type(error).__name__)
        if answer.status_code < 400:
            return Told("ok", answer.status_code, body)
        return Told("info" if answer.status_code >= 500 else "fail", answer.status_code, body)

    async def _bearer(self) -> Mapping[str, str]:
        """The token that she has, however old; a new one where she has none."""
        if self._session is None:
            await self.enter()

        async def token() -> str | None:
            if self._token is None:
                told = await self._try(
                    "POST", "registry", "/v1/sessions/current/token", {"Session": str(self._session)}
                )
                if told.outcome == "ok":
                    self._token = told.body["token"]
                elif told.outcome == "fail":
                    await self.enter()
            return self._token

        return {"Authorization": f"Bearer {await self.patiently(token, 'she gets no token')}"}

    def _heard(self, told: Told) -> Told | None:
        """A yes or a no; None when it is to be asked again.

        A token that is refused is too old, or the service has not heard of the account yet.
        """
        if told.status == 401:
            self._token = None
        return None if told.status == 401 or told.outcome == "info" else told

    async def patiently(self, ask: Callable[[], Awaitable[T | None]], otherwise: str, every: float | None = None) -> T:
        """What was answered at last. Raises GivenUp, with the words, when that took too long."""
        try:
            found = await eventually(ask, within=PATIENCE, every=every or self.chance.uniform(*PAUSES))
        except AssertionError:
            raise GivenUp(f"{self.login}: {otherwise}") from None
        assert found is not None
        return found
