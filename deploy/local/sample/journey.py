"""The main job, done through the services' public interfaces as a registrar, an officer and the nation live it."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sample.clients import Person, Refused, StillAwayError
from sample.progress import Bars, Stage
from sample.reckoning import Reckoning

T = TypeVar("T")
STALLED_AFTER = 120.0
"""Seconds without any progress after which a stage is given up."""
BATCH = 200
"""Cases that the officer approves at once."""
REASON = "已与家长和户口簿核对，情况属实。"


class JourneyStoppedError(Exception):
    """The main job cannot go on; the sentence says what is missing."""


@dataclass(slots=True)
class Papers:
    """What the registrar brings."""

    roster_name: str
    roster: bytes
    photos: bytes | None = None


@dataclass(slots=True)
class Notes:
    """How far the job is: kept, so that a job that was killed goes on where it was."""

    import_id: str | None = None
    archive_id: str | None = None
    sent_back: list[str] = field(default_factory=list)
    """Pupils that the officer returned."""
    explained: list[str] = field(default_factory=list)
    """Pupils for whose warnings the clerk gave a reason."""


@dataclass(slots=True)
class Journey:
    """One school's roster on its way to the nation."""

    registrar: Person
    officer: Person
    papers: Papers
    bars: Bars
    keep: Callable[[Notes], None] = lambda notes: None
    notes: Notes = field(default_factory=Notes)
    returns: int = 2
    """So many pupils the officer sends back once."""
    found: Reckoning = field(default_factory=Reckoning)

    @property
    def school(self) -> str:
        """The registrar's school."""
        return str(self.registrar.organisation["id"])

    async def run(self) -> Reckoning:
        """The receipt. Raises JourneyStoppedError, Refused, StillAwayError."""
        mine = await self.import_roster()
        if self.papers.photos is not None:
            await self.import_photos(mine)
        await self.pre_review(mine)
        await self.submit(mine)
        await self.decide(mine)
        await self.mend(mine)
        await self.register(mine)
        await self.nation(mine)
        await self.reckon(mine)
        self.found.seconds = dict(self.bars.seconds)
        return self.found

    async def import_roster(self) -> frozenset[str]:
        """Dry run, then run; the pupils that are drafted now."""
        registry = self.registrar
        if self.notes.import_id is None:
            with self.bars.stage("Dry run") as stage:
                taken = await registry.upload(
                    "registry", "/v1/imports", self.papers.roster_name, self.papers.roster, mode="dry-run"
                )
                self.notes.import_id = taken["id"]
                self.keep(self.notes)
                await self._import_until(stage, {"checked", "running", "done"})
        with self.bars.stage("Import") as stage:
            told = await registry.get("registry", f"/v1/imports/{self.notes.import_id}")
            if told["state"] == "checked":
                await registry.post(
                    "registry", f"/v1/imports/{self.notes.import_id}/run", {}, key=f"run-{self.notes.import_id}"
                )
            told = await self._import_until(stage, {"done"})
            mine = await self._drafted()
        self.found.rows = told["rows"]
        self.found.drafted = told["created"] + told["updated"] + told["unchanged"]
        self.found.duplicate, self.found.refused = told["duplicate"], told["refused"]
        self.found.by_reason = dict(_count((each["text"], each["rows"]) for each in told["by_reason"]))
        return mine

    async def _import_until(self, stage: Stage, states: set[str]) -> dict[str, Any]:
        async def ask() -> dict[str, Any] | None:
            told: dict[str, Any] = await self.registrar.get("registry", f"/v1/imports/{self.notes.import_id}")
            if told["state"] in ("refused", "expired", "undone"):
                why = (told.get("refusal") or {}).get("text") or told["stage"]
                self.notes.import_id = None  # nothing came of it: whoever tries once more begins anew
                self.keep(self.notes)
                raise JourneyStoppedError(f"{self.papers.roster_name}: {why}")
            stage.at(told["done"], told["rows"] or None)
            return told if told["state"] in states else None

        return await self._until(ask, lambda: stage.done, f"the import ({stage.name})")

    async def _drafted(self) -> frozenset[str]:
        """The pupils of this roster."""
        found: set[str] = set()
        for outcome in ("created", "updated", "unchanged"):
            rows = await self.registrar.pages("registry", f"/v1/imports/{self.notes.import_id}/rows", outcome=outcome)
            found |= {row["student_id"] for row in rows if row["student_id"]}
        return frozenset(found)

    async def import_photos(self, mine: frozenset[str]) -> None:
        """The ZIP, once photo has heard of the drafts; registry hears of each photo that was taken."""
        assert self.papers.photos is not None
        with self.bars.stage("Photos") as stage:
            if self.notes.archive_id is None:
                await self._until(lambda: self._photo_knows(mine), lambda: 0, "photo to hear of the drafted pupils")
                taken = await self.registrar.upload("photo", "/v1/archives", "photos.zip", self.papers.photos)
                self.notes.archive_id = taken["id"]
                self.keep(self.notes)

            async def ask() -> dict[str, Any] | None:
                told: dict[str, Any] = await self.registrar.get("photo", f"/v1/archives/{self.notes.archive_id}")
                stage.at(told["done"], told["files"])
                return told if told["state"] == "done" else None

            await self._until(ask, lambda: stage.done, "photo to work through the ZIP")
            files = await self.registrar.pages("photo", f"/v1/archives/{self.notes.archive_id}/files")
            self.found.files = len(files)
            self.found.by_file = dict(Counter(each["text"] or each["result"] for each in files))

            taken_of = frozenset(each["student_id"] for each in files if each["result"] == "accepted")

            async def heard() -> bool:
                lines = await self._lines()
                return all(each["photo_state"] == "accepted" for each in lines if each["id"] in taken_of)

            await self._until(heard, lambda: 0, "registry to hear of the photos")

    async def _photo_knows(self, students: frozenset[str]) -> bool:
        for some in _batches(sorted(students), 100):
            page = await self.registrar.get("photo", "/v1/requirements", school=self.school, student=some, limit=1)
            if int(page["total"]) < len(some):
                return False
        return True

    async def pre_review(self, mine: frozenset[str]) -> None:
        """Every problem of every pupil in words; the clerk gives a reason for each warning."""
        with self.bars.stage("Pre-review", len(mine)) as stage:
            items = [each for each in await self._pre_reviewed() if each["student_id"] in mine]
            warned: dict[str, list[str]] = {}
            for each in items:
                for warning in each["warnings"]:
                    if warning["asks"] and not warning["reason"]:
                        warned.setdefault(warning["code"], []).append(each["student_id"])
            for code, students in warned.items():
                for some in _batches(students, 1_000):
                    body = {"students": some, "code": code, "reason": REASON}
                    await self.registrar.post("registry", "/v1/pre-review/reasons", body)
            explained = {student for students in warned.values() for student in students}
            self.notes.explained = sorted(explained | set(self.notes.explained))
            self.keep(self.notes)
            self.found.explained = len(self.notes.explained)
            reds = [each for each in items if each["verdict"] == "red"]
            self.found.by_problem = dict(Counter(problem["text"] for each in reds for problem in each["problems"]))
            stage.at(len(mine))
            stage.note(f"{len(reds)} red")

    async def _pre_reviewed(self) -> list[Any]:
        return await self.registrar.pages("registry", "/v1/pre-review", school=self.school)

    async def submit(self, mine: frozenset[str]) -> None:
        """Everything that is green goes to the authority."""
        with self.bars.stage("Submit") as stage:
            ready = [
                each["student_id"]
                for each in await self._pre_reviewed()
                if each["verdict"] == "green" and each["student_id"] in mine and not each["returned"]
            ]
            done = 0
            for some in _batches(ready, 1_000):
                receipt = await self.registrar.post("registry", "/v1/submissions", {"students": some})
                done += len(receipt["submitted"])
                stage.at(done, len(ready))

    async def decide(self, mine: frozenset[str]) -> None:
        """The officer sends a few back and approves the others in batches."""
        submitted = await self._with_status(mine, "submitted")
        with self.bars.stage("Review", len(submitted)) as stage:
            cases = await self._open_cases(submitted)
            if not self.notes.sent_back:
                self.notes.sent_back = [each["student_id"] for each in cases[: self.returns]]
                self.keep(self.notes)
            back = [
                each for each in cases if each["student_id"] in self.notes.sent_back and each["submission_number"] == 1
            ]
            for case in back:
                await self._send_back(case)
            await self._approve([each for each in cases if each not in back], stage)

    async def _send_back(self, case: Mapping[str, Any]) -> None:
        """Returned for the first reason that may point at the telephone number."""
        reasons = await self.officer.get("review", "/v1/reasons")
        code = next(
            each["code"] for each in reasons["items"] if any(field["field"] == "phone" for field in each["fields"])
        )
        why = {"code": code, "field": "phone", "text": "联系电话与纸质登记表不一致，请核对。"}
        body = {"content_hash": case["content_hash"], "reasons": [why]}
        await self.officer.post("review", f"/v1/cases/{case['id']}/return", body)

    async def _open_cases(self, students: frozenset[str]) -> list[Any]:
        async def ask() -> list[Any] | None:
            page = await self.officer.get("review", "/v1/cases", state="open", school=self.school, limit=1)
            if page["total"] < len(students):
                return None
            found = await self.officer.pages("review", "/v1/cases", state="open", school=self.school)
            found = [each for each in found if each["student_id"] in students]
            return found if len(found) >= len(students) else None

        return await self._until(ask, lambda: 0, f"review to open {len(students)} cases")

    async def _approve(self, cases: Sequence[Mapping[str, Any]], stage: Stage) -> None:
        for some in _batches(cases, BATCH):
            pairs = [{"id": each["id"], "content_hash": each["content_hash"]} for each in some]
            receipt = await self.officer.post("review", "/v1/cases/approve", {"cases": pairs})
            if receipt["refused"]:
                raise JourneyStoppedError(f"review: {receipt['refused'][0]['text']}")
            stage.at(stage.done + len(receipt["approved"]))

    async def mend(self, mine: frozenset[str]) -> None:
        """What the officer sent back is corrected, submitted again and approved."""
        back = frozenset(self.notes.sent_back) & mine
        if not back:
            return
        with self.bars.stage("Returned, corrected", len(back)) as stage:
            settled = await self._until(
                lambda: self._settled(back, {"returned", "registered"}), lambda: 0, "registry to hear of the returns"
            )
            for line in settled:
                if line["status"] == "returned":
                    await self._correct(line["id"])
                    await self.registrar.post("registry", "/v1/submissions", {"students": [line["id"]]})
            again = frozenset(line["id"] for line in settled if line["status"] != "registered")
            await self._approve(await self._open_cases(again), stage)
            stage.at(len(back))
            self.found.sent_back = len(back)

    async def _correct(self, student: str) -> None:
        """The clerk opens the record in full, corrects a field, saves; when saving was cut short, she looks again."""
        for _ in range(20):
            whole = await self.registrar.post(
                "registry", f"/v1/students/{student}/unmask", {"reason": "按审核意见核对联系电话"}
            )
            right = whole["record"]["family.1.phone"]
            if whole["record"]["phone"] == right:
                return
            body = {"version": whole["version"], "fields": {**whole["record"], "phone": right}}
            try:
                await self.registrar.patch("registry", f"/v1/students/{student}", body)
            except (Refused, StillAwayError) as no:
                if isinstance(no, Refused) and no.status < 500 and no.code != "version-changed":
                    raise
                await asyncio.sleep(0.5)

    async def _settled(self, students: frozenset[str], statuses: set[str]) -> list[Any] | None:
        lines = [each for each in await self._lines() if each["id"] in students]
        return lines if all(each["status"] in statuses for each in lines) else None

    async def register(self, mine: frozenset[str]) -> None:
        """Registry registers whom the authority approved. Source: art. 15."""
        with self.bars.stage("Registration") as stage:
            decided = await self._decided()
            approved = mine.intersection(each["student_id"] for each in decided if each["decision"] == "approved")

            async def ask() -> bool:
                done = len(await self._with_status(approved, "registered"))
                stage.at(done, len(approved))
                return done >= len(approved)

            await self._until(ask, lambda: stage.done, "registry to register the approved pupils")

    async def nation(self, mine: frozenset[str]) -> None:
        """The nation answers, and the outcome shows on the pupil."""
        with self.bars.stage("Nation") as stage:
            registered = await self._with_status(mine, "registered")

            async def ask() -> bool:
                answered = [each for each in await self._standings(registered) if each["standing"] != "waiting"]
                stage.at(len(answered), len(registered))
                return len(answered) >= len(registered)

            await self._until(ask, lambda: stage.done, "the nation's answers")

            async def shown() -> bool:
                lines = [each for each in await self._lines() if each["id"] in registered]
                return all(each["standing"] not in (None, "", "waiting") for each in lines)

            await self._until(shown, lambda: 0, "registry to hear of the outcomes")

    async def _standings(self, students: frozenset[str]) -> list[Any]:
        found = await self.officer.pages("sync", "/v1/standings", school=self.school)
        return [each for each in found if each["student_id"] in students]

    async def reckon(self, mine: frozenset[str]) -> None:
        """Ask every service what became of the pupils."""
        with self.bars.stage("Reckoning", len(mine)):
            await self._reckon(mine)

    async def _reckon(self, mine: frozenset[str]) -> None:
        lines = [each for each in await self._lines() if each["id"] in mine]
        status = Counter(each["status"] for each in lines)
        self.found.photographed = sum(each["photo_state"] == "accepted" for each in lines)
        self.found.registered = status["registered"]
        latest: dict[str, Any] = {}
        for case in [*await self._decided(), *await self._cases("open")]:
            before = latest.get(case["student_id"])
            if case["student_id"] in mine and (
                before is None or case["submission_number"] > before["submission_number"]
            ):
                latest[case["student_id"]] = case
        decisions = Counter(each["decision"] or "open" for each in latest.values())
        self.found.cases = len(latest)
        self.found.approved, self.found.returned = decisions["approved"], decisions["returned"]
        self.found.rejected, self.found.open = decisions["rejected"], decisions["open"]
        self.found.submitted = sum(each["status"] != "draft" for each in lines)
        self.found.held_back = status["draft"]
        standings = await self._standings(mine)
        national = Counter(each["standing"] for each in standings)
        self.found.accepted, self.found.problems = national["accepted"], national["problem"]
        self.found.refused_by_nation, self.found.waiting = national["rejected"], national["waiting"]
        self.found.by_problem_record = dict(
            Counter(problem["name"] for each in standings for problem in each["problems"])
        )
        self.found.by_rejection = dict(Counter(why["reason"] for each in standings for why in each["rejections"]))
        self.found.on_pupils = dict(Counter(each["standing"] for each in lines if each["status"] == "registered"))

    async def _lines(self) -> list[Any]:
        return await self.registrar.pages("registry", "/v1/students", school=self.school)

    async def _with_status(self, mine: frozenset[str], status: str) -> frozenset[str]:
        lines = await self.registrar.pages("registry", "/v1/students", school=self.school, status=status)
        return frozenset(each["id"] for each in lines) & mine

    async def _decided(self) -> list[Any]:
        return await self._cases("decided")

    async def _cases(self, state: str) -> list[Any]:
        return await self.officer.pages("review", "/v1/cases", state=state, school=self.school)

    async def _until(self, ask: Callable[[], Awaitable[T | None]], moved: Callable[[], int], what: str) -> T:
        """The first answer that is not None or False. Raises JourneyStoppedError when nothing moves any more."""
        last, since, pause = moved(), time.monotonic(), 0.05
        while True:
            answer = await ask()
            if answer is not None and answer is not False:
                return answer
            if moved() != last:
                last, since = moved(), time.monotonic()
            if time.monotonic() - since > STALLED_AFTER:
                raise JourneyStoppedError(
                    f"Waited {STALLED_AFTER:.0f} s for {what} in vain; see the services' logs and /metrics."
                )
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.5)


def _batches(items: Sequence[Any], size: int) -> list[list[Any]]:
    return [list(items[start : start + size]) for start in range(0, len(items), size)]


def _count(pairs: Any) -> Counter[str]:
    found: Counter[str] = Counter()
    for text, number in pairs:
        found[text] += number
    return found
