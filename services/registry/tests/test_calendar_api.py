from typing import Any


async def test_everybody_reads_the_calendar_that_holds_for_her(as_: Any, tree: Any) -> None:
    answer = await as_(tree.registrar).get("/v1/calendar")
    assert answer.status_code == 200
    found = answer.json()
    assert found["organisation_id"] == str(tree.school)
    year = found["active_school_year"]
    assert {each["kind"]: (each["opens"], each["closes"]) for each in found["windows"]} == {
        "entry": (f"{year}-08-01", f"{year}-09-30"),
        "graduation": (f"{year + 1}-06-01", f"{year + 1}-07-31"),
        "transfer": (f"{year}-08-15", f"{year + 1}-07-14"),
    }
    other = await as_(tree.registrar).get("/v1/calendar", params={"organisation": str(tree.other_school)})
    assert other.status_code == 404


async def test_an_authority_extends_for_a_school_below_it_by_document(as_: Any, tree: Any, key: Any) -> None:
    year = (await as_(tree.officer).get("/v1/calendar")).json()["active_school_year"]
    body = {
        "organisation_id": str(tree.school),
        "kind": "entry",
        "until": f"{year + 1}-03-31",
        "reason": "台风推迟开学",
        "document_number": "长教〔2026〕31号",
    }
    for actor, status in ((tree.registrar, 403), (tree.other_officer, 404), (tree.officer, 201)):
        answer = await as_(actor).post("/v1/calendar/extensions", json=body, headers=key())
        assert answer.status_code == status, answer.text
    own = {**body, "organisation_id": str(tree.county)}
    assert (await as_(tree.officer).post("/v1/calendar/extensions", json=own)).status_code == 403
    (extension,) = (await as_(tree.registrar).get("/v1/calendar")).json()["extensions"]
    assert extension["reason"] == "台风推迟开学"
    assert extension["granted_by"] == "changfeng01的使用人"
    assert extension["organisation_name"] == "长丰县水湖学区中心校"
    entry = (await as_(tree.registrar).get("/v1/calendar")).json()["windows"][0]
    assert (entry["closes"], entry["closes_here"]) == (f"{year}-09-30", f"{year + 1}-03-31")


async def test_the_province_sets_windows_and_holidays(as_: Any, tree: Any) -> None:
    admin = as_(tree.admin)
    year = (await admin.get("/v1/calendar")).json()["active_school_year"]
    window = {"kind": "entry", "opens": f"{year}-08-20", "closes": f"{year}-10-10"}
    assert (await as_(tree.officer).put("/v1/calendar/windows", json=window)).status_code == 403
    assert (await admin.put("/v1/calendar/windows", json=window)).status_code == 200
    days = {"days": [{"day": f"{year}-10-01", "working": False, "name": "国庆节"}]}
    assert (await admin.put("/v1/calendar/days", json=days)).status_code == 200
    found = (await as_(tree.registrar).get("/v1/calendar")).json()
    assert found["windows"][0]["closes"] == f"{year}-10-10"
    assert found["holidays"] == [f"{year}-10-01"]
    backwards = await admin.put("/v1/calendar/windows", json={**window, "closes": f"{year}-08-01"})
    assert (backwards.status_code, backwards.json()["code"]) == (422, "window-backwards")


async def test_the_desk_counts_what_the_asker_sees(as_: Any, tree: Any, a_class: Any) -> None:
    await a_class(head_teacher=None)
    await a_class()
    mine = (await as_(tree.registrar).get("/v1/desk")).json()
    assert (mine["classes"], mine["classes_without_head_teacher"], mine["classes_above_standard"]) == (2, 1, 0)
    assert (await as_(tree.other_officer).get("/v1/desk")).json()["classes"] == 0
    assert (await as_(tree.officer).get("/v1/desk")).json()["classes"] == 2
