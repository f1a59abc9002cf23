"""What can be read of the school, route by route."""

from itertools import chain

from tests.chaos.matrix.asks import Ask, looks
from tests.chaos.matrix.rules import MAY
from tests.chaos.matrix.world import NAME, World


def reads(world: World) -> list[Ask]:
    """Each route that reads, with each thing of the school's that can stand in it."""
    return [*_of_the_house(), *_of_the_school(world), *_of_pupils(world), *_of_requests(world), *_of_the_nation(world)]


def _of_the_house() -> list[Ask]:
    """What everybody may know, and counts: nothing of the school's stands in them."""
    forms = (
        "registry GET /v1/code-sets",
        "registry GET /v1/form",
        "registry GET /v1/imports/template.xlsx",
        "review GET /v1/reasons",
    )
    desks = [f"{service} GET /v1/desk" for service in ("registry", "review", "photo", "sync")]
    return [Ask(route, "anybody", "list") for route in (*forms, *desks)]


def _of_the_school(world: World) -> list[Ask]:
    school, ids = world.school, world.ids
    classes, imports, archives = ids["class"], ids["import"], ids["archive"]
    own = {"school": school}
    return [
        *looks(
            "registry GET /v1/organisations/{organisation_id}", "school", "organisation_id", [school], wanted=school
        ),
        Ask("registry GET /v1/organisations", "anybody", "list"),
        *(
            Ask("registry GET /v1/organisations", "school", "list", params=each, wanted=school)
            for each in ({"q": NAME}, {"parent": world.places["county"], "limit": 200})
        ),
        Ask(
            "registry GET /v1/organisations",
            "school",
            "list",
            params={"authority": world.places["zone"]},
            wanted=school,
        ),
        Ask("registry GET /v1/accounts", "authorities", "list"),
        Ask(
            "registry GET /v1/accounts",
            "school from above",
            "list",
            params={"organisation": school},
            wanted=ids["account"][0],
        ),
        Ask("registry GET /v1/calendar", "anybody", "list"),
        Ask("registry GET /v1/calendar", "school", "look", params={"organisation": school}),
        Ask("registry GET /v1/classes", "school", "look", params=own, wanted=classes[0]),
        Ask("registry GET /v1/classes", "school", "list", params={**own, "closed": True}, wanted=classes[0]),
        *looks("registry GET /v1/classes/{class_id}", "school", "class_id", classes),
        *looks("registry GET /v1/schools/{school_id}/plans", "school", "school_id", [school]),
        Ask("registry GET /v1/imports", "school", "look", params=own, wanted=imports[0]),
        *looks("registry GET /v1/imports/{import_id}", "school", "import_id", imports),
        *looks("registry GET /v1/imports/{import_id}/rows", "school", "import_id", imports),
        *looks("registry GET /v1/imports/{import_id}/failures.xlsx", "failed rows", "import_id", imports),
        Ask("registry GET /v1/progress", "authorities", "list"),
        Ask("registry GET /v1/progress", "school from above", "look", params={"under": school}, wanted=school),
        Ask("photo GET /v1/archives", "school", "look", params=own, wanted=archives[0]),
        *looks("photo GET /v1/archives/{archive_id}", "school", "archive_id", archives),
        *looks(
            "photo GET /v1/archives/{archive_id}/files", "files of an archive", "archive_id", archives, unmasked=True
        ),
    ]


def _of_pupils(world: World) -> list[Ask]:
    school, ids, pupils = world.school, world.ids, world.ids["student"]
    waiting = {*ids["asked-before"], *ids["asked"]}
    own, lists = {"school": school}, "registry GET /v1/students"
    documents = {each: form["record"].get("document_number") for each, form in world.forms.items()}
    searches = [
        {"q": word, **about}
        for pupil in pupils
        for word in (documents[pupil], world.forms[pupil]["record"]["name"])
        if word
        for about in ({}, {"school": school})
    ]
    return [
        Ask(lists, "anybody", "list"),
        Ask(lists, "pupil masked", "list", params={**own, "limit": 200}, wanted=pupils[0]),
        *(Ask(lists, "pupil masked", "list", params={"class": each, "limit": 200}) for each in ids["class"]),
        *(Ask(lists, "pupil masked", "list", params={"id": each}, wanted=each) for each in pupils),
        *(Ask("registry POST /v1/students/search", "pupil masked", "list", json=each) for each in searches),
        Ask("registry GET /v1/students/export.xlsx", "export", "look", params=own, unmasked=True),
        Ask(
            "registry GET /v1/students/export.xlsx",
            "export",
            "list",
            params={"id": pupils[0]},
            unmasked=True,
            hidden=dict.fromkeys(MAY["export"] - {"own.registrar"}, world.forms[pupils[0]]["record"]["name"]),
        ),
        *looks("registry GET /v1/students/{student_id}", "pupil masked", "student_id", pupils),
        *chain.from_iterable(
            looks(
                "registry POST /v1/students/{student_id}/unmask",
                "pupil full",
                "student_id",
                [each],
                json={"reason": "核对登记表"},
                wanted=world.forms[each]["record"]["phone"],
                unmasked=True,
            )
            for each in pupils
        ),
        *looks("registry GET /v1/evidence/{evidence_id}", "pupil full", "evidence_id", ids["evidence"], wanted="%PDF"),
        Ask("registry GET /v1/pre-review", "pre-review", "look", params=own, wanted=ids["draft"][0]),
        *(
            Ask("registry GET /v1/pre-review", "pre-review", "look", params={**own, "class": each})
            for each in ids["class"]
        ),
        Ask(
            "registry GET /v1/duplicates",
            "duplicates",
            "list",
            wanted=ids["duplicate"][0],
            hidden={"sibling.registrar": NAME},
        ),
        *looks("registry GET /v1/duplicates/{case_id}", "both of a duplicate", "case_id", ids["duplicate"]),
        Ask("photo GET /v1/requirements", "school", "look", params=own, wanted=pupils[0]),
        *(
            Ask("photo GET /v1/requirements", "school", "list", params={"student": each}, wanted=each)
            for each in pupils
        ),
        *looks(
            "photo GET /v1/students/{student_id}/photo",
            "photo",
            "student_id",
            [each for each in pupils if each not in waiting],
        ),
        *looks("photo GET /v1/students/{student_id}/photo", "photo of who waits", "student_id", sorted(waiting)),
    ]


def _of_requests(world: World) -> list[Ask]:
    ids, school = world.ids, world.school
    found = [
        Ask("review GET /v1/cases", "case before", "list", params={"limit": 200}, wanted=ids["case-before"][0]),
        Ask("review GET /v1/progress", "counts of cases", "list", wanted=school),
        Ask("review GET /v1/authorities", "officers", "list"),
    ]
    for name, suffix in (("case", ""), ("case-before", " before")):
        for each in ids[name]:
            pupil = world.cases[each]["student_id"]
            proof = world.forms[pupil]["evidence"][0]["id"]
            request, case = "registry GET /v1/requests/{request_id}", "review GET /v1/cases/{case_id}"
            found += [
                *looks(
                    request,
                    f"request{suffix}",
                    "request_id",
                    [each],
                    unmasked=True,
                    wanted=world.forms[pupil]["record"]["phone"],
                ),
                Ask(
                    f"{request}/evidence/{{evidence_id}}",
                    f"request{suffix}",
                    "look",
                    {"request_id": each, "evidence_id": proof},
                    wanted="%PDF",
                ),
                Ask("registry POST /v1/requests/lookup", f"request{suffix}", "list", json={"ids": [each]}, wanted=each),
                *looks(case, f"case{suffix}", "case_id", [each]),
                Ask("review GET /v1/cases", f"case{suffix}", "list", params={"student": pupil}, wanted=each),
                Ask(
                    "review GET /v1/cases",
                    f"case{suffix}",
                    "list",
                    params={"school": school, "limit": 200},
                    wanted=each,
                ),
                Ask("review GET /v1/authorities", f"look into{suffix}", "look", params={"case": each}),
            ]
    return found


def _of_the_nation(world: World) -> list[Ask]:
    school, registered = world.school, world.ids["registered"]
    own = {"school": school}
    return [
        Ask("sync GET /v1/standings", "anybody", "list"),
        Ask("sync GET /v1/standings", "school", "look", params=own, wanted=registered[0]),
        *(
            Ask("sync GET /v1/standings", "school", "list", params={"students": each}, wanted=each)
            for each in registered
        ),
        Ask("sync GET /v1/summary", "anybody", "list"),
        Ask("sync GET /v1/summary", "school", "look", params={"under": school}, wanted=school),
        Ask("sync GET /v1/conflicts", "authorities", "list"),
        Ask("sync GET /v1/conflicts", "school from above", "look", params={"under": school}),
    ]
