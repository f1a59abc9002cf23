"""An officer of the authority: approves in batches, returns a few, refuses one now and then."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.chaos.load.asking import Client, Told
from tests.chaos.load.settings import LoadSettings

PAGE = 200


class Officer:
    """Works through what her authority decides; others work on the same list."""

    def __init__(self, client: Client, settings: LoadSettings, number: int = 0) -> None:
        """`number`: her place among the officers, who divide the list where the settings say so."""
        self._client = client
        self._settings = settings
        self._number = number
        self._reasons: dict[str, Mapping[str, Any]] = {}
        """Operation → a reason that fits it."""

    async def work(self) -> None:
        """Until she is sent home."""
        chance = self._client.chance
        while not self._client.leaving.is_set():
            if chance.random() < self._settings.sign_ins:
                await self._client.enter()
            await self._decide(await self._cases())
            await self._client.rest(self._settings.pause)

    async def _cases(self) -> Sequence[Mapping[str, Any]]:
        """A page of what is open: the first one, or her own as long as the list is so long."""
        place = self._number if self._settings.apart else 0
        while True:
            asked = {"state": "open", "mine": "true", "limit": PAGE, "offset": place * PAGE}
            items: Sequence[Mapping[str, Any]] = (await self._client.read("review", "/v1/cases", **asked))["items"]
            if items or not place:
                return items
            place -= 1

    async def _decide(self, cases: Sequence[Mapping[str, Any]]) -> None:
        chance, settings = self._client.chance, self._settings
        agreed = []
        for case in cases:
            luck = chance.random()
            if luck < settings.rejections:
                await self._send_back("reject", case)
            elif case["submission_number"] == 1 and luck < settings.rejections + settings.returns:
                await self._send_back("return", case)
            else:
                agreed.append({"id": case["id"], "content_hash": case["content_hash"]})
        for start in range(0, len(agreed), settings.approved):
            await self._approve(agreed[start : start + settings.approved])

    async def _approve(self, pairs: Sequence[Mapping[str, Any]]) -> None:
        key = self._client.new_key()

        async def ask(**about: Any) -> Told:
            return await self._client.change(
                "approve", "review", "/v1/cases/approve", key=key, told=_approved,
                body={"cases": list(reversed(pairs)) if about else list(pairs)}, asked=len(pairs), **about,
            )  # fmt: skip

        receipt = await ask()
        if receipt.outcome != "ok":
            return
        if self._client.chance.random() < self._settings.twice:
            await ask()
        if len(pairs) > 1 and self._client.chance.random() < self._settings.altered:
            await ask(another_body=True)

    async def _send_back(self, op: str, case: Mapping[str, Any]) -> None:
        body = {"content_hash": case["content_hash"], "reasons": [await self._reason(op)]}
        path = f"/v1/cases/{case['id']}/{op}"
        key, cases = self._client.new_key(), [case["id"]]
        await self._client.change(op, "review", path, body=body, key=key, told=lambda _: {"cases": cases})

    async def _reason(self, op: str) -> Mapping[str, Any]:
        if op not in self._reasons:
            outcome = {"return": "returned", "reject": "rejected"}[op]
            found = await self._client.read("review", "/v1/reasons")
            fitting = [each for each in found["items"] if outcome in each["outcomes"]]
            reason = next((each for each in fitting if any(f["field"] == "phone" for f in each["fields"])), fitting[0])
            field = next((f["field"] for f in reason["fields"] if f["field"] == "phone"), None)
            self._reasons[op] = {"code": reason["code"], "field": field, "text": "与纸质登记表不一致，请核对。"}
        return self._reasons[op]


def _approved(body: Any) -> Mapping[str, Any]:
    return {"cases": body["approved"], "refused": len(body["refused"])}
