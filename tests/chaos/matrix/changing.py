"""What can be changed of the school, route by route, with a body as right as its own people's."""

from collections.abc import Mapping
from datetime import date, timedelta
from io import BytesIO
from itertools import count
from typing import Any
from zipfile import ZipFile

from chassis.clock import now
from tests.chaos.matrix.asks import Ask, changes
from tests.chaos.matrix.world import PDF, World
from tests.harness.people import citizen_id

_numbers = count(1)
REASON = "矩阵测试的理由"


def changing(world: World) -> list[Ask]:
    """Each route that changes something, with each thing of the school's that can stand in it."""
    return [*_pupils(world), *_cases(world), *_photos(world), *_school(world), *_province(world), *_last(world)]


def _school(world: World) -> list[Ask]:
    school, ids = world.school, world.ids
    new = {"stage": "primary", "entry_year": world.school_year}
    campus = {"kind": "campus", "name": "矩阵分校", "region_code": "340121", "parent_id": school}
    extend = {
        "organisation_id": school,
        "kind": "entry",
        "until": _day(40),
        "reason": REASON,
        "document_number": "矩阵〔2026〕1号",
    }
    return [
        Ask("registry POST /v1/organisations", "contact, campus", "change", json=campus),
        *changes(
            "registry PATCH /v1/organisations/{organisation_id}",
            "contact, campus",
            "organisation_id",
            [school],
            {"version": world.versions[school], "phone": "0551-66679999"},
        ),
        Ask("registry POST /v1/classes", "work of the school", "change", json={**new, "school_id": school}),
        *changes(
            "registry PATCH /v1/classes/{class_id}",
            "work of the school",
            "class_id",
            ids["class"],
            lambda each: {"version": world.versions[each], "name": "矩阵班"},
        ),
        *changes(
            "registry POST /v1/classes/{class_id}/limit-override",
            "leave from above",
            "class_id",
            ids["class"],
            {"limit": 60, "document_number": "矩阵〔2026〕2号"},
        ),
        *changes(
            "registry PUT /v1/schools/{school_id}/plans",
            "leave from above",
            "school_id",
            [school],
            {**new, "classes": 21},
        ),
        Ask("registry POST /v1/calendar/extensions", "leave from above", "change", json=extend),
        Ask(
            "registry POST /v1/imports",
            "work of the school",
            "change",
            params={"school": school, "mode": "dry-run"},
            file=("again.xlsx", world.workbook),
        ),
        *changes("registry POST /v1/imports/{import_id}/run", "work of the school", "import_id", ids["dry-run"], {}),
        *changes(
            "registry POST /v1/accounts/{account_id}/password-reset", "leave from above", "account_id", ids["account"]
        ),
        *changes("registry POST /v1/accounts/{account_id}/disable", "leave from above", "account_id", ids["account"]),
        *changes("registry POST /v1/accounts/{account_id}/enable", "province", "account_id", ids["account"]),
    ]


def _last(world: World) -> list[Ask]:
    """What would take away what the others need."""
    return [
        *changes(
            "registry POST /v1/students/{student_id}/remove",
            "work of the school",
            "student_id",
            world.ids["student"][::-1],
            lambda each: {"version": world.forms[each]["version"]},
        ),
        *changes(
            "registry POST /v1/imports/{import_id}/undo", "work of the school", "import_id", world.ids["import"], {}
        ),
        *changes(
            "registry POST /v1/classes/{class_id}/close", "work of the school", "class_id", world.ids["class"][::-1]
        ),
    ]


def _pupils(world: World) -> list[Ask]:
    school, ids, work = world.school, world.ids, "work of the school"
    pupils, drafts = _kept(world), ids["draft"][:-1]
    child = {"school_id": school, "fields": _another(world)}
    waits = [*drafts, *ids["returned"]]
    proof = ("proof.pdf", PDF + b"%")
    mine = {each["id"]: pupil for pupil, form in world.forms.items() for each in form["evidence"]}
    return [
        Ask("registry POST /v1/students/check", work, "change", json=child),
        Ask("registry POST /v1/students/check", "registrars", "list", json={"fields": child["fields"]}),
        Ask("registry POST /v1/students", work, "change", json=child),
        *changes(
            "registry PATCH /v1/students/{student_id}",
            work,
            "student_id",
            pupils[::-1],
            lambda each: {"version": world.forms[each]["version"], "fields": world.forms[each]["record"]},
        ),
        *changes("registry POST /v1/students/{student_id}/evidence", work, "student_id", pupils[::-1], file=proof),
        *changes(
            "registry DELETE /v1/evidence/{evidence_id}",
            work,
            "evidence_id",
            [each for each in ids["evidence"] if mine[each] in pupils][::-1],
        ),
        *(
            Ask(
                "registry POST /v1/students/place",
                work,
                "receipt",
                json={"class_id": ids["class"][0], "students": [each]},
            )
            for each in drafts
        ),
        *(
            Ask("registry POST /v1/pre-review/reasons", work, "receipt", json={"students": [each], "reason": REASON})
            for each in waits
        ),
        Ask(
            "registry POST /v1/pre-review/reasons",
            work,
            "change",
            json={"school_id": school, "students": [drafts[1]], "reason": REASON},
        ),
        *(
            Ask("registry POST /v1/submissions/withdraw", work, "receipt", json={"students": [each]})
            for each in (ids["asked-before"][-2], ids["asked"][-2])
        ),
        *(Ask("registry POST /v1/submissions", work, "receipt", json={"students": [each]}) for each in waits[2:]),
        Ask(
            "registry POST /v1/submissions/all", work, "change", json={"school_id": school, "class_id": ids["class"][2]}
        ),
        *changes(
            "registry POST /v1/duplicates/{case_id}/settle", "settle", "case_id", ids["duplicate"], {"reason": REASON}
        ),
    ]


def _kept(world: World) -> list[str]:
    """The pupils but for one, who is to be taken back as she is."""
    return [each for each in world.ids["student"] if each != world.ids["draft"][-1]]


def _another(world: World) -> Mapping[str, str]:
    """A child as complete as one of the school's, under another number."""
    form = next(form["record"] for form in world.forms.values() if form["record"]["document_type"] == "1")
    born = date.fromisoformat(form["birth_date"]) if "-" in form["birth_date"] else _compact(form["birth_date"])
    return {**form, "name": "矩阵新生", "document_number": citizen_id(born, 444, form["sex"])}


def _compact(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:8]))


def _cases(world: World) -> list[Ask]:
    ids, found = world.ids, []
    open_before = [each for each in ids["case-before"] if world.cases[each]["student_id"] in ids["asked-before"]]
    why = [{"code": "other", "field": None, "text": "请核对。"}]
    for row, some in (("", ids["case"]), (" before", open_before)):
        # Each way of deciding gets a case of its own, so that each can be done once by who may.
        for place, each in enumerate(some):
            seen = {"content_hash": world.cases[each]["content_hash"]}
            pair = {"id": each, **seen}
            one = [
                ("approve", seen, None),
                ("return", {**seen, "reasons": why}, None),
                ("reject", {**seen, "reasons": why}, None),
                ("approve", None, {"cases": [pair]}),
                ("return", None, {"cases": [pair], "reasons": why}),
                ("reject", None, {"cases": [pair], "reasons": why}),
            ]
            last = each in some[-2:]  # they stay open, to be taken back and to be handed on
            for word, single, many in [] if last else one[place % 6 :] + one[: place % 6]:
                if single is not None:
                    found += changes(
                        f"review POST /v1/cases/{{case_id}}/{word}", f"decide{row}", "case_id", [each], single
                    )
                else:
                    found.append(Ask(f"review POST /v1/cases/{word}", f"decide{row}", "receipt", json=many))
            claim, hand = "review POST /v1/cases/{case_id}/claim", "review POST /v1/cases/{case_id}/reroute"
            to = {"authority_id": world.places["city"], "reason": REASON}
            found += changes(claim, f"look into{row}", "case_id", [each])
            found += changes(hand, f"hand on{row}", "case_id", [each], to)
    # Handing on ends the manager's say, so it comes last.
    return sorted(found, key=lambda each: each.route.endswith("/reroute"))


def _photos(world: World) -> list[Ask]:
    ids, drafts = world.ids, world.ids["draft"][:-1]
    with ZipFile(BytesIO(world.archive)) as photos:
        names = [name for name in photos.namelist() if name.endswith(".jpg")]
        some = photos.read(names[0])
    match = "photo POST /v1/archives/{archive_id}/files/{number}/match"
    return [
        *changes(
            "photo PUT /v1/students/{student_id}/photo",
            "photos",
            "student_id",
            _kept(world)[::-1],
            file=("photo.jpg", some),
        ),
        Ask(
            "photo POST /v1/archives",
            "photos",
            "change",
            params={"school": world.school},
            file=("again.zip", world.archive),
        ),
        *(
            Ask(
                match,
                "photos",
                "change",
                {"archive_id": ids["archive"][0], "number": world.unmatched},
                json={"student_id": each},
            )
            for each in drafts
        ),
    ]


def _province(world: World) -> list[Ask]:
    school, row = world.school, "province"
    window = {"organisation_id": school, "kind": "transfer", "opens": _day(0), "closes": _day(30)}
    account = {
        "login": f"matrix.new.{next(_numbers)}",
        "organisation_id": school,
        "roles": ["school.teacher"],
        "display_name": "矩阵新账号",
    }
    return [
        *changes(
            "registry POST /v1/organisations/{organisation_id}/authority",
            row,
            "organisation_id",
            [school],
            {"authority_id": world.places["foreign"], "from": _day(3)},
        ),
        *changes(
            "registry POST /v1/organisations/{organisation_id}/schooling",
            row,
            "organisation_id",
            [school],
            {"schooling": "6-3", "from": _day(3)},
        ),
        Ask("registry POST /v1/accounts", row, "change", json=account),
        Ask("registry PUT /v1/calendar/windows", row, "change", json=window),
        Ask(
            "registry PUT /v1/calendar/days",
            row,
            "change",
            json={"days": [{"day": _day(200), "working": False, "name": "矩阵节"}]},
        ),
        *changes("sync POST /v1/students/{student_id}/respeak", row, "student_id", world.ids["registered"]),
    ]


def _day(later: int) -> str:
    """So many days from today."""
    return (now().date() + timedelta(days=later)).isoformat()


def bodies(ask: Ask) -> dict[str, Any]:
    """How the request is sent: JSON, or a file."""
    if ask.file is not None:
        return {"files": {"file": (*ask.file, "application/octet-stream")}}
    return {} if ask.json is None else {"json": ask.json}
