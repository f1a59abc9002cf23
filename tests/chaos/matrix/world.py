"""One school with pupils at every stage, and everybody who could ask for them: each role in each relation to it.

The school stands in a county that does not manage it. It was managed by another county until today, which still has
some of its cases; now a zone manages it. So no two relations are the same organisation.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from chassis.clock import now
from local_stack.layout import read_json
from sample.accounts import Accounts
from sample.clients import Person, Refused, Services
from sample.county import Founding, SchoolPlan, Seat, keep_window_open, province
from sample.journey import Journey, Papers
from sample.portraits import write_archive
from sample.progress import Bars
from sample.roster import Roster, roster, write_workbook
from sample.words import COUNTY
from tests.chaos import canaries
from tests.harness.eventually import eventually
from tests.harness.whole import WholeStack

REGISTERED, RETURNED, ASKED_BEFORE, ASKED, DRAFTS = 3, 2, 8, 9, 6
"""Pupils: decided by the former manager, sent back by it, waiting for it, waiting for the new one, not submitted."""
CODE, FOREIGN_CODE, SIBLING_CODE = "2134019966", "2134019967", "2134019968"
NAME: Final = "矩阵小学"
_WITHIN: Final = 60.0
PDF: Final = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
PLACES: Final = (
    ("zone", {"kind": "zone", "name": "矩阵新区教育局", "code": "340199000000", "region_code": "340104"}),
    ("former", {"kind": "county", "name": "肥西县教育局", "code": "340123000000", "region_code": "340123"}),
    ("foreign", {"kind": "county", "name": "庐江县教育局", "code": "340124000000", "region_code": "340124"}),
)
SEATS: Final = {
    "own.registrar": (CODE, "school.registrar"),
    "own.teacher": (CODE, "school.teacher"),
    "sibling.registrar": (SIBLING_CODE, "school.registrar"),
    "sibling.teacher": (SIBLING_CODE, "school.teacher"),
    "manager.officer": ("zone", "authority.officer"),
    "manager.viewer": ("zone", "authority.viewer"),
    "parent.officer": ("county", "authority.officer"),
    "parent.viewer": ("county", "authority.viewer"),
    "former.officer": ("former", "authority.officer"),
    "former.viewer": ("former", "authority.viewer"),
    "foreign.officer": ("foreign", "authority.officer"),
    "foreign.viewer": ("foreign", "authority.viewer"),
    "foreign.registrar": (FOREIGN_CODE, "school.registrar"),
    "foreign.teacher": (FOREIGN_CODE, "school.teacher"),
    "city.officer": ("city", "authority.officer"),
    "city.viewer": ("city", "authority.viewer"),
    "province.admin": ("province", "province.admin"),
    "province.officer": ("province", "authority.officer"),
    "province.viewer": ("province", "authority.viewer"),
}
"""Relation to the school, and role → where the account is. Every role in every relation in which there can be one."""
SPARE: Final = ("spare", "locked", "fresh")
"""Accounts of the school's: one that others may lock, one to be locked, one whose first password stands."""


@dataclass
class World:
    """The people, and ids of what is the school's, by the name under which a route takes them."""

    people: dict[str, Person]
    places: dict[str, str]
    accounts: Accounts
    services: Services
    roster: Roster
    school_year: int
    ids: dict[str, list[str]] = field(default_factory=dict)
    cases: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Case → as its officer sees it."""
    forms: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Pupil → version and record in full, as the registrar sees them."""
    versions: dict[str, int] = field(default_factory=dict)
    """Of the school, and of its classes."""
    accepted: int = 0
    """Of those who are registered: whom the nation accepted. It refuses some by chance."""
    unmatched: str = ""
    """Number of a file of the archive that fits nobody."""
    workbook: bytes = b""
    archive: bytes = b""

    @property
    def school(self) -> str:
        """The school's id."""
        return self.places[CODE]


async def found(stack: WholeStack, services: Services, folder: Path) -> World:
    """The school and everybody, from nothing; all people have passwords of their own. Raises Refused."""
    accounts = stack.accounts
    founder = await province(services, accounts, read_json(Path(stack.about()["first_account"])))
    founding = Founding(services, accounts, founder)
    await founding.authorities()
    for key, body in PLACES:
        founding.ids[key] = await founding.organisation({**body, "area_type": "2"}, "city")
    # Since a year, so that handing it over today leaves a link that has ended.
    since = (now().date() - timedelta(days=365)).isoformat()
    await founding.organisation(_about(founding, CODE, NAME, "former") | {"valid_from": since}, "county")
    schools = {}
    for code, name, parent, authority, classes, relation in (
        (CODE, NAME, "county", "former", 3, "own"),
        (FOREIGN_CODE, "庐江县城关小学", "foreign", "foreign", 1, "foreign"),
        (SIBLING_CODE, "长丰县隔壁小学", "county", "county", 1, "sibling"),
    ):
        seat = Seat(f"matrix.{relation}.registrar", "school.registrar", f"{name}学籍管理员")
        plan = SchoolPlan(code, name, parent, authority, COUNTY, "211", "primary", [None] * classes, (seat,))
        schools[code] = await founding.school(plan)
    for who, (place, role) in SEATS.items():
        await founding.account(Seat(f"matrix.{who}", role, f"矩阵 {who}"), place)
    for who in SPARE:
        await founding.account(Seat(f"matrix.{who}", "school.registrar", f"矩阵 {who}"), CODE)
    approved = {"entry_year": founding.school_year, "stage": "primary", "classes": 20}
    await founder.put("registry", f"/v1/schools/{founding.ids[CODE]}/plans", approved)
    people = {who: await accounts.enter(services, f"matrix.{who}") for who in SEATS}
    for place in ("county", "foreign"):
        await keep_window_open(founder, founding.ids[place])
    count = REGISTERED + RETURNED + ASKED_BEFORE + ASKED + DRAFTS
    made = canaries.canaries(count, CODE, schools[CODE]["classes"][:2], founding.school_year, canaries.OTHER_SEED)
    world = World(people, founding.ids, accounts, services, made, founding.school_year)
    await _fill_foreign(world, schools[FOREIGN_CODE]["classes"], folder)
    await _fill(world, folder)
    await _note(world)
    return world


def _about(founding: Founding, code: str, name: str, authority: str) -> dict[str, Any]:
    return {
        "kind": "school", "name": name, "code": code, "region_code": COUNTY, "category": "211", "setting": "121",
        "ownership": "1", "authority_id": founding.ids[authority], "address": f"{name}路1号",
        "phone": "0551-66670000", "postal_code": "231131",
    }  # fmt: skip


async def _fill_foreign(world: World, classes: Sequence[str], folder: Path) -> None:
    """Two pupils of another school, so that who lists hers is shown something."""
    made = roster(75, 2, FOREIGN_CODE, classes, world.school_year, faults=False)
    write_workbook(made, folder / "foreign.xlsx")
    papers = Papers("foreign.xlsx", (folder / "foreign.xlsx").read_bytes(), None)
    with Bars(Console(quiet=True)) as bars:
        await Journey(world.people["foreign.registrar"], world.people["foreign.officer"], papers, bars).import_roster()


async def _fill(world: World, folder: Path) -> None:
    """The pupils, each kind as many as named above; what waits does so at the former and at the new manager."""
    registrar, former = world.people["own.registrar"], world.people["former.officer"]
    write_workbook(world.roster, folder / "matrix.xlsx")
    write_archive(world.roster, folder / "matrix.zip")
    world.workbook, world.archive = ((folder / f"matrix.{kind}").read_bytes() for kind in ("xlsx", "zip"))
    papers = Papers("matrix.xlsx", world.workbook, world.archive)
    with Bars(Console(quiet=True)) as bars:
        journey = Journey(registrar, former, papers, bars)
        mine = await journey.import_roster()
        await journey.import_photos(mine)
        pupils = sorted(mine)
        for each in pupils:
            files = {"file": ("proof.pdf", PDF, "application/pdf")}
            await registrar._call("registry", "POST", f"/v1/students/{each}/evidence", files=files)
        unsaid = await _without_reason(world, registrar)
        await journey.pre_review(mine - {unsaid})
    pupils.remove(unsaid)
    pupils.insert(1 - DRAFTS, unsaid)
    places = iter(pupils)
    names = ("registered", "returned", "asked-before", "asked", "draft")
    for name, count in zip(names, (REGISTERED, RETURNED, ASKED_BEFORE, ASKED, DRAFTS), strict=True):
        world.ids[name] = [next(places) for _ in range(count)]
    before = [*world.ids["registered"], *world.ids["returned"], *world.ids["asked-before"]]
    cases = await _submitted(world, "former.officer", before)
    code = next(
        each["code"]
        for each in (await former.get("review", "/v1/reasons"))["items"]
        if any(about["field"] == "phone" for about in each["fields"])
    )
    why = {"code": code, "field": "phone", "text": ""}
    for each in world.ids["registered"]:
        await former.post(
            "review", f"/v1/cases/{cases[each]['id']}/approve", {"content_hash": cases[each]["content_hash"]}
        )
    for each in world.ids["returned"]:
        body = {"content_hash": cases[each]["content_hash"], "reasons": [{**why, "text": "请核对联系电话。"}]}
        await former.post("review", f"/v1/cases/{cases[each]['id']}/return", body)
    await _settled(world)
    hand_over = {"authority_id": world.places["zone"], "from": now().date().isoformat()}
    await world.people["province.admin"].post("registry", f"/v1/organisations/{world.school}/authority", hand_over)
    await _submitted(world, "manager.officer", world.ids["asked"])
    await _tried_elsewhere(world, world.ids["draft"][0])


async def _without_reason(world: World, registrar: Person) -> str:
    """A pupil with a warning that asks for a reason: she stays a draft, for reasons to be given to her."""
    items = await registrar.pages("registry", "/v1/pre-review", school=world.school)
    asking = (each for each in items if any(one["asks"] and not one["reason"] for one in each["warnings"]))
    return str(next(asking)["student_id"])


async def _submitted(world: World, officer: str, pupils: Sequence[str]) -> dict[str, Any]:
    """Pupil → its case, once the officer sees all of them; a refusal is a fault of this file."""
    receipt = await world.people["own.registrar"].post("registry", "/v1/submissions", {"students": list(pupils)})
    assert receipt["refused"] == [], receipt

    async def opened() -> dict[str, Any]:
        some = await world.people[officer].pages("review", "/v1/cases", state="open", mine=True)
        cases = {each["student_id"]: each for each in some}
        assert cases.keys() >= set(pupils)
        return {each: cases[each] for each in pupils}

    cases: dict[str, Any] = await eventually(opened, within=_WITHIN, every=0.2)
    world.cases |= {each["id"]: each for each in cases.values()}
    return cases


async def _settled(world: World) -> None:
    """What the former manager decided has come to registry, the nation and back."""

    async def settled() -> bool:
        pupils = await world.people["own.registrar"].pages("registry", "/v1/students")
        lines = {each["id"]: each for each in pupils}
        returned = all(lines[each]["status"] == "returned" for each in world.ids["returned"])
        standings = [lines[each]["standing"] for each in world.ids["registered"]]
        world.accepted = standings.count("accepted")
        return returned and not {None, "waiting"} & {*standings}

    await eventually(settled, within=_WITHIN, every=0.2)


async def _tried_elsewhere(world: World, pupil: str) -> None:
    """The school next door enters a child of this one: a case of two records opens."""
    form = await _form(world, pupil)
    fields = {name: text for name, text in form["record"].items() if name not in ("class_number", "grade")}
    try:
        await world.people["sibling.registrar"].post("registry", "/v1/students", {"fields": {**fields, "grade": "1"}})
    except Refused as no:
        assert no.status == 409, no  # noqa: PT017 - it is the refusal that is wanted
        return
    raise AssertionError("a child was entered twice")


async def _form(world: World, pupil: str) -> dict[str, Any]:
    body = {"reason": "核对登记表"}
    return dict(await world.people["own.registrar"].post("registry", f"/v1/students/{pupil}/unmask", body))


async def _note(world: World) -> None:
    """The ids of all that is the school's."""
    registrar, officer = world.people["own.registrar"], world.people["manager.officer"]
    ids, school = world.ids, world.school

    async def all_of(person: Person, service: str, path: str, **params: Any) -> list[Any]:
        return list(await person.pages(service, path, **params))

    dry = await registrar.upload("registry", "/v1/imports", "matrix2.xlsx", _repacked(world), mode="dry-run")

    async def checked() -> bool:
        return bool((await registrar.get("registry", f"/v1/imports/{dry['id']}"))["state"] == "checked")

    await eventually(checked, within=_WITHIN, every=0.2)
    ids["school"] = [school]
    ids["class"] = [each["id"] for each in await all_of(registrar, "registry", "/v1/classes")]
    ids["student"] = [each["id"] for each in await all_of(registrar, "registry", "/v1/students")]
    ids["import"] = [each["id"] for each in await all_of(registrar, "registry", "/v1/imports")]
    ids["dry-run"] = [dry["id"]]
    ids["account"] = [
        each["id"] for each in await all_of(officer, "registry", "/v1/accounts", organisation=school)
        if each["login"] == "matrix.spare"
    ]  # fmt: skip
    ids["archive"] = [each["id"] for each in (await registrar.get("photo", "/v1/archives"))["items"]]
    files = await all_of(registrar, "photo", f"/v1/archives/{ids['archive'][0]}/files", result="unmatched")
    world.unmatched = str(files[0]["number"])
    duplicates = await all_of(registrar, "registry", "/v1/duplicates")
    ids["duplicate"] = [each["id"] for each in duplicates]
    ids["case-before"] = [each["id"] for each in world.cases.values() if each["student_id"] not in ids["asked"]]
    ids["case"] = [each["id"] for each in world.cases.values() if each["student_id"] in ids["asked"]]
    of_class = await all_of(registrar, "registry", "/v1/classes")
    world.versions = {each["id"]: each["version"] for each in of_class}
    world.versions[school] = (await registrar.get("registry", f"/v1/organisations/{school}"))["version"]
    for each in ids["student"]:
        world.forms[each] = await _form(world, each)
    ids["evidence"] = [file["id"] for each in ids["student"] for file in world.forms[each]["evidence"]]
    taken = await all_of(registrar, "photo", "/v1/requirements")
    assert {each["state"] for each in taken} == {"accepted"}
    assert all(ids.values()), ids


def _repacked(world: World) -> bytes:
    """The same rows in another file."""
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(world.workbook)) as book, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as other:
        for name in book.namelist():
            other.writestr(name, book.read(name))
    return out.getvalue()
