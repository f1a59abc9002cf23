"""A school's registrar: she brings in workbooks; at another keyboard she edits, explains, submits, takes back."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from tests.chaos.load.asking import Client, GivenUp, Told
from tests.chaos.load.founding import School
from tests.chaos.load.papers import Papers, Sheet, new_phone
from tests.chaos.load.settings import LoadSettings
from tests.harness.eventually import until

OUTCOMES = ("created", "updated", "unchanged", "duplicate", "refused")
ENDED_BADLY = ("refused", "expired", "undone")
REASON = "已与家长和户口簿核对，情况属实。"


class Registrar:
    """Imports workbooks, one after the other."""

    def __init__(
        self, client: Client, school: School, papers: Papers, settings: LoadSettings, taken: "asyncio.Queue[Sheet]"
    ) -> None:
        """`taken` gets every sheet whose pupils are drafted: the photographer waits for it."""
        self._client = client
        self._school = school
        self._papers = papers
        self._settings = settings
        self._taken = taken

    async def sheets(self, ending: asyncio.Event) -> AsyncIterator[Sheet]:
        """The sheets that were imported, until she is told to end or every class is full."""
        count, chance = 0, self._client.chance
        while not ending.is_set() and count != self._settings.most:
            sheet = self._papers.sheet(self._settings.sheet, self._settings.faults, self._settings.reasoned)
            if sheet is None:
                return
            count += 1
            await self._bring_in(sheet)
            if chance.random() < self._settings.twice:
                await self._bring_in(sheet)
            yield sheet
            await until(ending, self._settings.between_sheets * chance.uniform(0.5, 1.5))

    async def _bring_in(self, sheet: Sheet) -> None:
        """One workbook to its end; the same one again creates nobody. It is done when its counts are told."""
        client, chance = self._client, self._client.chance
        mode = "dry-run" if chance.random() < self._settings.dry_runs else "run"
        about: dict[str, Any] = {"sha256": sha256(sheet.content).hexdigest(), "rows": len(sheet.pupils), "mode": mode}
        taken = await client.change(
            "upload", "registry", "/v1/imports", file=(sheet.name, sheet.content), params={"mode": mode},
            told=lambda body: {"import": body["id"]}, **about,
        )  # fmt: skip
        if taken.outcome != "ok":
            raise GivenUp(f"upload: {taken.outcome} {taken.code}")
        import_id = taken.body["id"]
        # The import is one long operation: what is kept of it is what its receipt said in the end.
        n = client.journal.invoke("import", client.new_key(), account=client.account_id, **about)
        found = await self._until(import_id, {"checked", "done"})
        if found["state"] == "checked":
            path = f"/v1/imports/{import_id}/run"
            await client.change("run", "registry", path, body={}, key=f"run-{import_id}", told=lambda body: {})
            found = await self._until(import_id, {"done"})
        if found["state"] != "done":
            client.journal.fail(n, code=found["state"])
            if (found["refusal"] or {}).get("code") == "interrupted":  # its worker was killed time and again
                return
            raise GivenUp(f"import {found['state']}: {found['refusal']}")
        client.journal.ok(n, **{"import": import_id}, **{name: found[name] for name in OUTCOMES})
        rows = await client.pages("registry", f"/v1/imports/{import_id}/rows", outcome="created")
        sheet.students = {**sheet.students, **{row["row"]: row["student_id"] for row in rows if row["student_id"]}}
        if rows:
            self._taken.put_nowait(sheet)

    async def _until(self, import_id: str, states: set[str]) -> Mapping[str, Any]:
        async def ended() -> Mapping[str, Any] | None:
            found: Mapping[str, Any] = await self._client.read("registry", f"/v1/imports/{import_id}")
            return found if found["state"] in states or found["state"] in ENDED_BADLY else None

        every = self._settings.between_looks * self._client.chance.uniform(0.5, 1.5)
        return await self._client.patiently(ended, "the import does not end", every)


class Clerk:
    """Takes what waits to be submitted to the authority, and mends what came back."""

    def __init__(self, client: Client, school: School, settings: LoadSettings) -> None:
        self._client = client
        self._school = school
        self._settings = settings
        self._looked_at: set[str] = set()
        """Drafts that were edited or taken back already."""

    async def work(self) -> None:
        """Until she is sent home."""
        chance = self._client.chance
        while not self._client.leaving.is_set():
            if chance.random() < self._settings.sign_ins:
                await self._client.enter()
            await self._take_round()
            await self._client.rest(self._settings.between_rounds)

    async def _take_round(self) -> None:
        items = await self._client.pages("registry", "/v1/pre-review", school=self._school.id)
        await self._explain(items)
        ready = []
        for item in items:
            if item["verdict"] == "red":
                continue
            if item["returned"] is not None:
                if await self._edit(item["student_id"]):
                    ready.append(item["student_id"])
            elif await self._touch(item):
                ready.append(item["student_id"])
        most = self._settings.submitted
        for start in range(0, len(ready), most):
            await self._submit(ready[start : start + most])

    async def _explain(self, items: Sequence[Mapping[str, Any]]) -> None:
        asking: dict[str, list[str]] = {}
        for item in items:
            for warning in item["warnings"]:
                if warning["asks"] and not warning["reason"]:
                    asking.setdefault(warning["code"], []).append(item["student_id"])
        for code, students in asking.items():
            body = {"students": students, "code": code, "reason": REASON}
            path = "/v1/pre-review/reasons"
            await self._client.change("explain", "registry", path, body=body, key=self._client.new_key())

    async def _touch(self, item: Mapping[str, Any]) -> bool:
        """Whether the draft may be submitted: some are changed first, a few taken back. Each is looked at once."""
        student, chance = item["student_id"], self._client.chance
        if student in self._looked_at:
            return True
        self._looked_at.add(student)
        if chance.random() < self._settings.removals:
            path = f"/v1/students/{student}/remove"
            body = {"version": item["version"]}
            await self._client.change("remove", "registry", path, body=body, again=False, brief=True, student=student)
            return False
        return await self._edit(student) if chance.random() < self._settings.edits else True

    async def _edit(self, student: str) -> bool:
        """Whether the record has another telephone number now, which nobody else writes."""
        client = self._client
        for _ in range(5):
            whole = await client.change(
                "unmask", "registry", f"/v1/students/{student}/unmask", body={"reason": "按审核意见核对联系电话"},
                student=student,
            )  # fmt: skip
            if whole.outcome != "ok":
                return False
            phone = new_phone(client.chance.getrandbits(32))
            body = {"version": whole.body["version"], "fields": {**whole.body["record"], "phone": phone}}
            saved = await client.change(
                "edit", "registry", f"/v1/students/{student}", method="PATCH", body=body, again=False, brief=True,
                student=student, values={"phone": sha256(phone.encode()).hexdigest()},
            )  # fmt: skip
            if saved.outcome == "ok":
                return True
            if saved.outcome == "fail" and saved.status != 401 and saved.code != "version-changed":
                return False
        return False

    async def _submit(self, students: Sequence[str]) -> None:
        client, chance, body = self._client, self._client.chance, {"students": list(students)}
        key = client.new_key()

        async def ask(**about: Any) -> Told:
            return await client.change(
                "submit", "registry", "/v1/submissions", key=key, told=_requests,
                body={"students": list(reversed(students))} if about else body, students=len(students), **about,
            )  # fmt: skip

        receipt = await ask()
        if receipt.outcome != "ok":
            return
        if chance.random() < self._settings.twice:
            await ask()
        if len(students) > 1 and chance.random() < self._settings.altered:
            await ask(another_body=True)
        back = [
            each["student_id"] for each in receipt.body["submitted"] if chance.random() < self._settings.withdrawals
        ]
        if back:
            asked = {"students": back}
            path = "/v1/submissions/withdraw"
            await client.change("withdraw", "registry", path, body=asked, key=client.new_key(), told=_asked)


def _requests(body: Any) -> Mapping[str, Any]:
    return {"requests": [each["request_id"] for each in body["submitted"]], "refused": len(body["refused"])}


def _asked(body: Any) -> Mapping[str, Any]:
    return {"asked": body["asked"], "refused": len(body["refused"])}
