"""A stack with something of everything, made over the services' interfaces: two schools, each fate of a pupil once.

One record that nobody can read, too: it has to be parked.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from rich.console import Console

from contracts.record import CLASS_HEADER
from contracts.topics import REQUEST
from sample.clients import Person, Services
from sample.county import AUTHORITY_SEATS, SCHOOLS, SchoolPlan
from sample.faults import FAULTS
from sample.journey import Journey, Papers
from sample.portraits import write_archive
from sample.progress import Bars
from sample.roster import Entered, Fate, Roster, roster, write_workbook
from tests.chaos.check.invariants.clients import hash_of
from tests.chaos.journal import Journal
from tests.chaos.nemesis.poisoning import plant as poison
from tests.harness.eventually import eventually
from tests.harness.whole import WholeStack

FIRST, OTHERS, SECOND = 24, 4, 8
"""Pupils that travel to the nation; that end otherwise; that stay drafts at the second school."""
PROOF = b"%PDF-1.4 a proof of nothing"


@dataclass(slots=True)
class Filling:
    """Fills a founded stack and keeps a journal of it."""

    services: Services
    stack: WholeStack
    folder: Path
    journal: Journal

    async def run(self) -> None:
        """Everything, once."""
        centre, second = SCHOOLS[0], SCHOOLS[1]
        registrar, officer = await self._person(centre), await self._officer(centre)
        known = self._roster(1, FIRST, centre)
        await self._entered_and_removed(registrar, known)
        with Bars(Console(quiet=True)) as bars:
            await Journey(registrar, officer, self._papers(known), bars, returns=2).run()
            others = Journey(registrar, officer, self._papers(self._roster(2, OTHERS, centre)), bars)
            await self._other_ends(others)
        await self._second_school(await self._person(second), second, known.entered[:2])

    async def _person(self, plan: SchoolPlan) -> Person:
        return await self.stack.accounts.enter(self.services, plan.seats[0].login)

    async def _officer(self, plan: SchoolPlan) -> Person:
        return await self.stack.accounts.enter(self.services, AUTHORITY_SEATS[plan.authority][0].login)

    def _roster(self, seed: int, pupils: int, plan: SchoolPlan) -> Roster:
        founded = self.stack.accounts.founded
        classes = founded["schools"][plan.code]["classes"]
        return roster(seed, pupils, plan.code, classes, founded["school_year"], faults=False)

    def _papers(self, made: Roster) -> Papers:
        book, photos = self.folder / f"{made.seed}.xlsx", self.folder / f"{made.seed}.zip"
        write_workbook(made, book)
        write_archive(made, photos)
        return Papers(book.name, book.read_bytes(), photos.read_bytes())

    async def _entered_and_removed(self, registrar: Person, made: Roster) -> None:
        """Some were drafts before and were removed: the numbers that became void are theirs when they come back."""
        book = self.folder / "before.xlsx"
        write_workbook(replace(made, entered=tuple(each for each in made.entered if each.pupil.document)), book)
        await self._import(registrar, book)
        for draft in await registrar.pages("registry", "/v1/students", status="draft"):
            await registrar.post("registry", f"/v1/students/{draft['id']}/remove", {"version": 1})

    async def _other_ends(self, journey: Journey) -> None:
        """One rejected, one taken back by the school, one still open, one not submitted."""
        mine = await journey.import_roster()
        await journey.import_photos(mine)
        await journey.pre_review(mine)
        chosen = sorted(mine)[:3]
        key = str(uuid4())
        asked = self.journal.invoke("submit", key, keyed=True, account=journey.registrar.account["id"])
        receipt = await journey.registrar.post("registry", "/v1/submissions", {"students": chosen}, key=key)
        requests = {each["student_id"]: each["request_id"] for each in receipt["submitted"]}
        self.journal.ok(asked, requests=sorted(requests.values()))
        cases = {each["id"]: each for each in await self._cases(journey.officer, set(requests.values()))}
        rejected, taken_back = requests[chosen[0]], chosen[1]
        await self._reject(journey.officer, cases[rejected])
        await journey.registrar.post("registry", "/v1/submissions/withdraw", {"students": [taken_back]})
        await self._stands(journey, chosen[0], "rejected")
        await self._stands(journey, taken_back, "returned")

    async def _cases(self, officer: Person, wanted: set[str]) -> Sequence[Mapping[str, Any]]:
        async def there() -> Sequence[Mapping[str, Any]]:
            found = await officer.pages("review", "/v1/cases", state="open")
            return [each for each in found if each["id"] in wanted]

        async def all_there() -> bool:
            return len(await there()) == len(wanted)

        await eventually(all_there, within=30, every=0.1)
        return await there()

    async def _reject(self, officer: Person, case: Mapping[str, Any]) -> None:
        key = str(uuid4())
        asked = self.journal.invoke("reject", key, keyed=True, account=officer.account["id"])
        body = {"content_hash": case["content_hash"], "reasons": [{"code": "not-of-this-school"}]}
        await officer.post("review", f"/v1/cases/{case['id']}/reject", body, key=key)
        self.journal.ok(asked, cases=[case["id"]])

    async def _stands(self, journey: Journey, student: str, status: str) -> None:
        async def does() -> bool:
            found = await journey.registrar.get("registry", f"/v1/students/{student}")
            return bool(found["status"] == status)

        await eventually(does, within=30, every=0.1)

    async def _second_school(self, registrar: Person, plan: SchoolPlan, foreign: Sequence[Entered]) -> None:
        """A roster with a wrong row and two pupils of the first school, twice; then drafts edited and one removed."""
        made = self._roster(3, SECOND, plan)
        classes = self.stack.accounts.founded["schools"][plan.code]["classes"]
        strangers = [
            replace(each, row={**each.row, "学校标识码": plan.code, CLASS_HEADER: classes[0]}) for each in foreign
        ]
        wrong = replace(made.entered[-1], row=dict(made.entered[-1].row), fate=Fate.REFUSED)
        FAULTS[0].spoil(wrong.row, wrong.pupil)
        book = self.folder / "second.xlsx"
        write_workbook(replace(made, entered=(*made.entered[:-1], wrong, *strangers)), book)
        for _ in range(2):
            asked = self.journal.invoke("import", str(uuid4()))
            told = await self._import(registrar, book)
            self.journal.ok(asked, **{"import": told["id"], "created": told["created"], "refused": told["refused"]})
        drafts = sorted(each["id"] for each in await registrar.pages("registry", "/v1/students", status="draft"))
        await self._edit(registrar, drafts[0], "13912345678", journalled=True)
        await self._edit(registrar, drafts[1], "13912345679", journalled=False)
        removing = self.journal.invoke(
            "remove", str(uuid4()), account=registrar.account["id"], student=drafts[2], keyed=False
        )
        await registrar.post("registry", f"/v1/students/{drafts[2]}/remove", {"version": 1})
        self.journal.ok(removing)
        files = {"file": ("proof.pdf", PROOF, "application/pdf")}
        await registrar._call("registry", "POST", f"/v1/students/{drafts[3]}/evidence", files=files)

    async def _import(self, registrar: Person, book: Path) -> Mapping[str, Any]:
        sheet = await asyncio.to_thread(book.read_bytes)
        taken = await registrar.upload("registry", "/v1/imports", book.name, sheet, mode="run")

        async def told() -> dict[str, Any]:
            found: dict[str, Any] = await registrar.get("registry", f"/v1/imports/{taken['id']}")
            return found if found["state"] == "done" else {}

        return await eventually(told, within=30, every=0.1)

    async def _edit(self, registrar: Person, student: str, phone: str, *, journalled: bool) -> None:
        account = registrar.account["id"]
        reading = self.journal.invoke("unmask", str(uuid4()), account=account, student=student)
        reason = {"reason": "按户口簿核对联系电话"}
        whole = await registrar.post("registry", f"/v1/students/{student}/unmask", reason)
        self.journal.ok(reading)
        about = {"student": student, "values": {"phone": hash_of(phone)}} if journalled else {}
        asked = self.journal.invoke("edit", str(uuid4()), account=account, **about)
        body = {"version": whole["version"], "fields": {**whole["record"], "phone": phone}}
        told = await registrar.patch("registry", f"/v1/students/{student}", body)
        self.journal.ok(asked, version=told["version"])


async def fill(stack: WholeStack, folder: Path, journals: Path) -> None:
    """Found the sample county on the stack and fill it; what was asked and told stands in `journals`."""
    founded = await asyncio.to_thread(stack.run, "county")
    assert founded.returncode == 0, founded.stdout + founded.stderr
    async with Services(stack.urls) as services:
        with Journal(journals / "filling.jsonl") as journal:
            await Filling(services, stack, folder, journal).run()
            await poison(stack.about(), journal, REQUEST)
