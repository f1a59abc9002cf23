"""Asks, and says what is wrong with an answer."""

import asyncio
import uuid
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from io import BytesIO
from typing import Any, Final

import httpx2

from tests.chaos.canaries import hits
from tests.chaos.matrix.asks import NOTHING_DONE, NOTHING_TO_DO, Ask
from tests.chaos.matrix.changing import bodies
from tests.chaos.matrix.rules import MAY
from tests.chaos.matrix.world import NAME, World

_AT_ONCE: Final = 8
_SEEN_BUT_ANOTHERS: Final = "not-your-case"
"""What review tells, with 409, to who may see a case that another authority decides."""
_NOT_UNDERSTOOD: Final = "invalid-input"
_OTHERS_TO_DECIDE: Final = frozenset({"decide", "decide before", "hand on", "hand on before"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    content: bytes
    """Of a workbook its parts, unpacked."""

    @property
    def said(self) -> Any:
        """As JSON; None where it is none."""
        try:
            return httpx2.Response(200, content=self.content).json()
        except ValueError:
            return None

    @property
    def code(self) -> str:
        """Of a refusal."""
        return str(self.said.get("code", "")) if isinstance(self.said, dict) else ""

    @property
    def shown(self) -> int:
        """Lines of a list that are on this page."""
        return len(self.said["items"]) if isinstance(self.said, dict) and "items" in self.said else 0

    @property
    def total(self) -> int:
        """Lines of a list that has pages."""
        return int(self.said.get("total", 0)) if isinstance(self.said, dict) else 0

    @property
    def did(self) -> bool:
        """Whether something was done, as far as a receipt says; an answer that is none says yes."""
        if self.status >= 300:
            return False
        said = self.said if isinstance(self.said, dict) else {}
        receipt = {name: said[name] for name in NOTHING_DONE if name in said}
        return not receipt or any(said[name] != NOTHING_DONE[name] for name in receipt)


@dataclass
class Trying:
    """Asks as somebody, and counts."""

    client: httpx2.AsyncClient
    urls: Mapping[str, str]
    world: World
    asked: int = 0

    async def ask(self, who: str, ask: Ask) -> Answer:
        """The answer to one of the world's people."""
        return await self.send(ask, {"Authorization": f"Bearer {await self.world.people[who]._bearer()}"})

    async def whole(self, who: str, ask: Ask) -> Answer:
        """The answer, of a list with all its pages: how many there are depends on what else stands in the databases."""
        answer = await self.ask(who, ask)
        pages, shown = [answer], answer.shown
        while ask.method == "GET" and pages[-1].shown and shown < answer.total:
            pages.append(await self.ask(who, replace(ask, params={**ask.params, "offset": shown})))
            shown += pages[-1].shown
        return Answer(max(each.status for each in pages), b"\n".join(each.content for each in pages))

    async def send(self, ask: Ask, headers: Mapping[str, str]) -> Answer:
        """The answer to who sends these headers."""
        sent = {**headers, **({"Idempotency-Key": str(uuid.uuid4())} if ask.method == "POST" else {})}
        answer = await self.client.request(
            ask.method, self.urls[ask.service] + ask.path, params=dict(ask.params), headers=sent, **bodies(ask)
        )
        self.asked += 1
        return Answer(answer.status_code, _unpacked(answer.content))

    async def all_of(self, pairs: Iterable[tuple[str, Ask]], wrong: Callable[[str, Ask, Answer], str]) -> list[str]:
        """What is wrong with the answers, in words; several are asked at once."""
        places, found = asyncio.Semaphore(_AT_ONCE), []

        async def one(who: str, ask: Ask) -> None:
            async with places:
                answer = await self.whole(who, ask)
            if said := wrong(who, ask, answer):
                found.append(f"{who}: {ask.route} ({ask.row}) -> {answer.status} {answer.code}: {said}")

        await asyncio.gather(*(one(who, ask) for who, ask in pairs))
        return sorted(found)

    def leak(self, who: str, ask: Ask, answer: Answer) -> str:
        """What is wrong with the answer to who must not; empty when nothing is."""
        refused = answer.status in (403, 404) or (
            ask.row in _OTHERS_TO_DECIDE and (answer.status, answer.code) == (409, _SEEN_BUT_ANOTHERS)
        )
        let_in = answer.status < 300 and (ask.kind == "list" or (ask.kind == "receipt" and not answer.did))
        let_in |= ask.kind == "receipt" and answer.code in NOTHING_TO_DO
        if not refused and not let_in:
            return "must not be let in"
        if hits(answer.content):
            return "tells something of a pupil"
        sent = f"{ask.path} {dict(ask.params)} {ask.json}"
        told = [each for each in self._secret(who) if each.encode() in answer.content and each not in sent]
        return f"tells of {told[:3]}" if told else ""

    def wrongly_refused(self, who: str, ask: Ask, answer: Answer) -> str:
        """What is wrong with the answer to who may read; empty when nothing is."""
        if answer.status >= 300:
            return "should be let in"
        if ask.wanted.encode() not in answer.content:
            return "does not show what is there"
        if who in ask.hidden and ask.hidden[who].encode() in answer.content:
            return "shows what is not hers"
        if not ask.unmasked and any(each in answer.content for each in self._numbers):
            return "shows a number or a phone in full"
        return ""

    def barred(self, ask: Ask, answer: Answer) -> str:
        """What is wrong with the answer to who may change: any but a refusal of the business; empty when nothing is."""
        if answer.status < 300 or (answer.status in (409, 422) and answer.code != _NOT_UNDERSTOOD):
            return ""
        return f"{ask.route} ({ask.row}) -> {answer.status} {answer.code}: should be let in"

    def _secret(self, who: str) -> list[str]:
        """Ids and words of the school's that this person knows from nowhere, unless she may see the school."""
        ids = self.world.ids
        if who in MAY["school"]:
            return []
        every = {each for some in ids.values() for each in some} | {self.world.school, NAME}
        if who.startswith("former."):
            # It has the cases that were submitted to it, and they name the pupil, the school and the class.
            seen = ("case-before", "registered", "returned", "asked-before", "school", "class")
            every -= {each for name in seen for each in ids[name]} | {NAME}
        if who == "sibling.registrar":
            every -= {*ids["duplicate"]}  # her school tried
        return sorted(every)

    @cached_property
    def _numbers(self) -> list[bytes]:
        """What no page shows before somebody says why she reads it."""
        found = set()
        for form in self.world.forms.values():
            found |= {
                text for name, text in form["record"].items() if text and name.endswith(("document_number", "phone"))
            }
            found |= {each["value"] for each in form["numbers"]}
        return [each.encode() for each in sorted(found)]


def _unpacked(content: bytes) -> bytes:
    if not content.startswith(b"PK\x03\x04"):
        return content
    with zipfile.ZipFile(BytesIO(content)) as book:
        return b"\n".join(book.read(name) for name in book.namelist())
