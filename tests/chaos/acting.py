"""What nearly right requests do to a school, tried by who has nothing to do with it; and what stands of the school."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import asyncpg
import httpx2

from sample.clients import Person
from tests.chaos.canaries import hits
from tests.chaos.fuzz.requesting import Requests
from tests.harness.whole import WholeStack

_STATE: Final[Mapping[str, Sequence[str]]] = {
    "registry": (
        "SELECT t::text FROM student t WHERE school_id = $1",
        "SELECT t::text FROM enrolment t WHERE school_id = $1",
        "SELECT t::text FROM class t WHERE school_id = $1",
        "SELECT t::text FROM submission t WHERE school_id = $1",
        "SELECT t::text FROM import t WHERE school_id = $1",
        "SELECT t::text FROM organisation t WHERE id = $1 OR parent_id = $1",
        "SELECT t::text FROM authority_link t WHERE school_id = $1",
        "SELECT concat(id, roles, version, disabled_at) FROM account WHERE organisation_id = $1",
        "SELECT c::text FROM credential c JOIN account a ON a.id = account_id WHERE organisation_id = $1",
        "SELECT t::text FROM class_plan t WHERE school_id = $1",
        "SELECT t::text FROM schooling t WHERE school_id = $1",
        "SELECT t::text FROM class_limit_override t JOIN class c ON c.id = class_id WHERE school_id = $1",
        "SELECT t::text FROM calendar_window t WHERE organisation_id = $1",
        "SELECT t::text FROM calendar_extension t WHERE organisation_id = $1",
        "SELECT t::text FROM calendar_day t WHERE $1::uuid IS NOT NULL",
        "SELECT t::text FROM duplicate_case t WHERE holder_school_id = $1",
        "SELECT e::text FROM evidence e JOIN student s ON s.id = student_id WHERE school_id = $1",
        "SELECT e::text FROM explanation e JOIN student s ON s.id = student_id WHERE school_id = $1",
    ),
    "review": (
        "SELECT concat(id, state, decision, authority_id, claimed_by) FROM review_case WHERE school_id = $1",
        "SELECT d::text FROM decision d JOIN review_case c ON c.id = case_id WHERE school_id = $1",
    ),
    "photo": (
        "SELECT concat(enrolment_id, state, sha256, reason) FROM requirement WHERE school_id = $1",
        "SELECT p::text FROM photo p JOIN requirement r USING (enrolment_id) WHERE r.school_id = $1",
        "SELECT t::text FROM archive t WHERE school_id = $1",
    ),
    "sync": ("SELECT concat(student_id, operation, content_hash, spoken) FROM national_pupil WHERE school_id = $1",),
}
"""Everything of a school that somebody could change, by service."""
_NAMES: Final[Mapping[str, str]] = {
    "class_id": "class", "import_id": "import", "account_id": "account", "student_id": "student", "case_id": "case",
    "archive_id": "archive", "evidence_id": "evidence",
}  # fmt: skip
"""Name in a path → the world's name for the ids that may stand there; of every other name the school itself."""


@dataclass(slots=True)
class Tried:
    """What came of it."""

    asked: int = 0
    done: list[str] = field(default_factory=list)
    """Routes that did something to what is the school's, as far as their answer says."""
    broken: list[str] = field(default_factory=list)
    """Routes that ended in an error, or told something of a canary."""


async def state(stack: WholeStack, school: str) -> dict[str, list[str]]:
    """Statement → the rows, in their order."""
    found: dict[str, list[str]] = {}
    for service, statements in _STATE.items():
        connection = await asyncpg.connect(stack.about()["postgres"][service])
        try:
            for each in statements:
                found[each] = sorted(str(row[0]) for row in await connection.fetch(each, school))
        finally:
            await connection.close()
    return found


async def act(
    client: httpx2.AsyncClient, person: Person, url: str, known: Mapping[str, list[str]], tries: int
) -> Tried:
    """So many requests on each route, with bodies that are half of the time as right as the description makes them."""
    description = (await client.get(f"{url}/openapi.json")).json()
    made, tried = Requests(description, seed=len(person.login)), Tried()
    for route in [each for each in made.routes if each[0] != "GET" and "{" in each[1]]:
        name = re.findall(r"\{(\w+)\}", route[1])[0]
        made.routes, made.known = [route], known[_NAMES.get(name, "school")]
        for _ in range(tries):
            asked = made.one()
            headers = {**asked.headers, "Authorization": f"Bearer {await person._bearer()}"}
            answer = await client.request(asked.method, url + asked.path, headers=headers, content=asked.content)
            tried.asked += 1
            told = f"{person.login}: {asked.route} -> {answer.status_code}"
            if answer.status_code < 300 and any(each in asked.path for each in made.known):
                tried.done.append(told)
            if answer.status_code >= 500 or hits(answer.content):
                tried.broken.append(told)
    return tried
