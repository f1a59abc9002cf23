from typing import Any

PLAN = {"stage": "primary", "entry_year": 2026, "classes": 2}
NEW = {"stage": "primary", "entry_year": 2026, "head_teacher": "王秀兰", "honours": ["县先进班集体"]}


async def test_a_school_forms_classes_within_the_plan_of_its_authority(as_: Any, tree: Any, key: Any) -> None:
    registrar, officer = as_(tree.registrar), as_(tree.officer)
    without = await registrar.post("/v1/classes", json=NEW, headers=key())
    assert (without.status_code, without.json()["code"]) == (409, "no-plan")
    path = f"/v1/schools/{tree.school}/plans"
    assert (await registrar.put(path, json=PLAN)).status_code == 403
    assert (await as_(tree.other_officer).put(path, json=PLAN)).status_code == 404
    assert (await officer.put(path, json=PLAN)).status_code == 200
    same = key()
    first = await registrar.post("/v1/classes", json=NEW, headers=same)
    assert first.status_code == 201, first.text
    made = first.json()
    assert (made["number"], made["name"], made["head_teacher"]) == ("2026101", "2026级(1)班", "王秀兰")
    assert (made["standard"], made["capacity"], made["seats_left"], made["band"]) == (45, 55, 55, "standard")
    assert made["class_type_name"] == "普通小学班"
    assert made["honours"] == ["县先进班集体"]
    assert (await registrar.post("/v1/classes", json=NEW, headers=same)).json()["id"] == made["id"]
    second = {**NEW, "campus_id": str(tree.campus)}
    assert (await registrar.post("/v1/classes", json=second, headers=key())).json()["number"] == "2026102"
    third = await registrar.post("/v1/classes", json=NEW, headers=key())
    assert (third.status_code, third.json()["code"]) == (409, "plan-used-up")
    listed = (await registrar.get("/v1/classes")).json()
    assert [(each["number"], each["campus_name"]) for each in listed["items"]] == [
        ("2026101", None),
        ("2026102", "水湖学区中心校费岗分校"),
    ]
    plans = (await officer.get(path)).json()
    assert plans == {"items": [{"stage": "primary", "entry_year": 2026, "approved": 2, "existing": 2}], "total": 1}
    fewer = await officer.put(path, json={**PLAN, "classes": 1})
    assert (fewer.status_code, fewer.json()["code"]) == (409, "plan-below-classes")


async def test_a_class_is_edited_by_its_school_and_keeps_its_number(as_: Any, tree: Any, a_class: Any) -> None:
    path = f"/v1/classes/{await a_class()}"
    changed = await as_(tree.registrar).patch(
        path, json={"version": 1, "name": "雏鹰班", "head_teacher": None, "honours": []}
    )
    assert changed.status_code == 200
    assert (changed.json()["name"], changed.json()["number"]) == ("雏鹰班", "2026101")
    assert changed.json()["head_teacher"] is None
    assert "no-head-teacher" in {each["code"] for each in changed.json()["signals"]}
    frozen = await as_(tree.registrar).patch(path, json={"version": 2, "number": "2026199"})
    assert frozen.status_code == 422
    stale = await as_(tree.registrar).patch(path, json={"version": 1, "name": "晨曦班"})
    assert (stale.status_code, stale.json()["code"]) == (409, "changed-meanwhile")


async def test_who_may_not_see_a_class_does_not_find_it(as_: Any, tree: Any, a_class: Any) -> None:
    class_id = await a_class()
    assert (await as_(tree.officer).get(f"/v1/classes/{class_id}")).status_code == 200
    for actor in (tree.other_officer, tree.other_registrar, tree.junior_registrar):
        assert (await as_(actor).get(f"/v1/classes/{class_id}")).status_code == 404
        assert (await as_(actor).get("/v1/classes", params={"school": str(tree.school)})).status_code == 404
    assert (await as_(tree.other_registrar).post(f"/v1/classes/{class_id}/close")).status_code == 404
    assert (await as_(tree.officer).patch(f"/v1/classes/{class_id}", json={"version": 1})).status_code == 403


async def test_a_limit_is_raised_by_the_county_and_beyond_65_by_the_province(
    as_: Any, tree: Any, a_class: Any, key: Any
) -> None:
    path = f"/v1/classes/{await a_class()}/limit-override"
    body = {"limit": 60, "document_number": "长教〔2026〕7号"}
    assert (await as_(tree.registrar).post(path, json=body)).status_code == 403
    assert (await as_(tree.other_officer).post(path, json=body)).status_code == 404
    raised = await as_(tree.officer).post(path, json=body, headers=key())
    assert (raised.status_code, raised.json()["capacity"]) == (200, 60)
    more = await as_(tree.officer).post(path, json={**body, "limit": 66}, headers=key())
    assert (more.status_code, more.json()["code"]) == (403, "limit-of-the-province")
    assert (await as_(tree.admin).post(path, json={**body, "limit": 66}, headers=key())).json()["capacity"] == 66
    nameless = await as_(tree.officer).post(path, json={"limit": 60, "document_number": ""}, headers=key())
    assert nameless.status_code == 422


async def test_the_grade_follows_the_school_year(as_: Any, tree: Any, a_class: Any) -> None:
    year = (await as_(tree.registrar).get("/v1/calendar")).json()["active_school_year"]
    this, third, overdue = [await a_class(entry_year=year - back) for back in (0, 2, 6)]
    grades = {
        each["id"]: (each["grade_name"], each["overdue"])
        for each in (await as_(tree.registrar).get("/v1/classes")).json()["items"]
    }
    assert grades == {
        str(this): ("一年级", False),
        str(third): ("三年级", False),
        str(overdue): ("六年级", True),
    }


async def test_an_empty_class_is_closed_and_leaves_the_list(as_: Any, tree: Any, a_class: Any) -> None:
    class_id = await a_class()
    closed = await as_(tree.registrar).post(f"/v1/classes/{class_id}/close")
    assert (closed.status_code, closed.json()["seats_left"]) == (200, 0)
    assert (await as_(tree.registrar).get("/v1/classes")).json() == {"items": [], "total": 0}
    with_closed = (await as_(tree.registrar).get("/v1/classes", params={"closed": True})).json()
    assert with_closed["total"] == 1
