from typing import Any

NEW = {"kind": "school", "name": "长丰县双凤小学", "code": "2134000009", "region_code": "340121", "category": "211"}


async def test_the_province_founds_a_school_with_all_its_fields(as_: Any, tree: Any, key: Any) -> None:
    body = {
        **NEW,
        "parent_id": str(tree.county),
        "address": "双凤路1号",
        "phone": "0551-66660001",
        "ownership": "1",
        "setting": "121",
        "schooling": "5-4",
        "school_number": "088",
    }
    same = key()
    first = await as_(tree.admin).post("/v1/organisations", json=body, headers=same)
    assert first.status_code == 201, first.text
    made = first.json()
    assert made["school_code"] == "340121088"
    assert made["stages"] == ["primary"]
    assert made["schooling"] == "5-4"
    assert made["authority_name"] == "长丰县教育局"
    assert made["region_name"] == "长丰县"
    assert made["region_code"] == "340121000000"
    assert (await as_(tree.admin).post("/v1/organisations", json=body, headers=same)).json() == made
    listed = (await as_(tree.officer).get("/v1/organisations", params={"kind": "school"})).json()
    assert [each["code"] for each in listed["items"]] == ["2134000001", "2134000009", "3134000001"]
    assert listed["total"] == 3


async def test_only_the_province_founds_authorities_and_schools(as_: Any, tree: Any) -> None:
    body = {**NEW, "parent_id": str(tree.county)}
    assert (await as_(tree.officer).post("/v1/organisations", json=body)).status_code == 403
    assert (await as_(tree.registrar).post("/v1/organisations", json=body)).status_code == 403


async def test_a_centre_school_adds_its_own_campus(as_: Any, tree: Any) -> None:
    body = {"kind": "campus", "name": "水湖学区中心校杨庙分校", "parent_id": str(tree.school), "region_code": "340121"}
    made = await as_(tree.registrar).post("/v1/organisations", json=body)
    assert made.status_code == 201
    renamed = await as_(tree.registrar).patch(
        f"/v1/organisations/{made.json()['id']}", json={"version": 1, "name": "水湖学区中心校杨庙教学点"}
    )
    assert (renamed.status_code, renamed.json()["name"]) == (200, "水湖学区中心校杨庙教学点")
    elsewhere = {**body, "parent_id": str(tree.other_school)}
    assert (await as_(tree.registrar).post("/v1/organisations", json=elsewhere)).status_code == 403


async def test_a_school_corrects_its_contact_data_and_nothing_else(as_: Any, tree: Any) -> None:
    path = f"/v1/organisations/{tree.school}"
    changed = await as_(tree.registrar).patch(
        path, json={"version": 1, "phone": "0551-66669999", "address": "水湖路2号"}
    )
    assert changed.status_code == 200
    assert (changed.json()["phone"], changed.json()["version"]) == ("0551-66669999", 2)
    assert (await as_(tree.registrar).patch(path, json={"version": 2, "name": "第一小学"})).status_code == 403
    assert (await as_(tree.other_registrar).patch(path, json={"version": 2, "phone": "1"})).status_code == 404
    assert (await as_(tree.teacher).patch(path, json={"version": 2, "phone": "1"})).status_code == 403
    stale = await as_(tree.admin).patch(path, json={"version": 1, "name": "第一小学"})
    assert (stale.status_code, stale.json()["code"]) == (409, "changed-meanwhile")


async def test_another_countys_officer_does_not_find_the_school(as_: Any, tree: Any) -> None:
    path = f"/v1/organisations/{tree.school}"
    assert (await as_(tree.officer).get(path)).status_code == 200
    assert (await as_(tree.city_officer).get(path)).status_code == 200
    hidden = await as_(tree.other_officer).get(path)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "not-found")
    assert (await as_(None).get(path)).status_code == 401


async def test_a_school_handed_over_today_is_seen_by_its_new_authority(as_: Any, tree: Any) -> None:
    path = f"/v1/organisations/{tree.school}"
    today = (await as_(tree.admin).get("/v1/calendar")).json()["today"]
    body = {"authority_id": str(tree.other_county), "from": today}
    assert (await as_(tree.officer).post(f"{path}/authority", json=body)).status_code == 403
    handed = await as_(tree.admin).post(f"{path}/authority", json=body)
    assert handed.status_code == 200
    assert handed.json()["authority_name"] == "肥东县教育局"
    assert [(link["authority_name"], link["valid_until"]) for link in handed.json()["authorities"]] == [
        ("长丰县教育局", today),
        ("肥东县教育局", None),
    ]
    assert (await as_(tree.other_officer).get(path)).status_code == 200
    listed = (
        await as_(tree.other_officer).get("/v1/organisations", params={"authority": str(tree.other_county)})
    ).json()
    assert {each["name"] for each in listed["items"]} == {"长丰县水湖学区中心校", "肥东县店埠小学"}


async def test_a_list_is_searched_by_name_and_code(as_: Any, tree: Any) -> None:
    admin = as_(tree.admin)
    by_name = (await admin.get("/v1/organisations", params={"q": "实验"})).json()
    by_code = (await admin.get("/v1/organisations", params={"q": "3401"})).json()
    assert [each["name"] for each in by_name["items"]] == ["长丰县实验初级中学"]
    assert [each["code"] for each in by_code["items"]] == ["340100000000", "340121000000", "340122000000"]
    first = (await admin.get("/v1/organisations", params={"limit": 3})).json()
    assert (len(first["items"]), first["total"]) == (3, 8)
    for text in ("100%", "%", "_", "\\", "' OR 1=1 --"):
        none = (await admin.get("/v1/organisations", params={"q": text})).json()
        assert none == {"items": [], "total": 0}, text


async def test_a_wrong_code_is_refused_in_words(as_: Any, tree: Any) -> None:
    answer = await as_(tree.admin).post("/v1/organisations", json={**NEW, "parent_id": str(tree.county), "code": "12"})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "学校标识码应为10位数字，第3、4位为34，例如2134000001。请核对后重新填写。"


async def test_a_school_keeps_the_type_that_its_code_says(as_: Any, tree: Any) -> None:
    admin, path = as_(tree.admin), f"/v1/organisations/{tree.other_school}"
    body = {**NEW, "parent_id": str(tree.county)}
    for wrong in ({"code": "1134000009"}, {"code": "3134000009"}, {"category": "311"}):
        answer = await admin.post("/v1/organisations", json={**body, **wrong})
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong-school-type"), wrong
    nowhere = await admin.post("/v1/organisations", json={**body, "region_code": "999999"})
    assert (nowhere.status_code, nowhere.json()["code"]) == (422, "unknown-code")
    moved = await admin.patch(path, json={"version": 1, "category": "311"})
    assert (moved.status_code, moved.json()["code"]) == (422, "wrong-school-type")
    point = await admin.patch(path, json={"version": 1, "category": "218"})
    assert (point.status_code, point.json()["category"]) == (200, "218")


async def test_a_school_without_a_category_is_refused_in_words(as_: Any, tree: Any) -> None:
    body = {field: value for field, value in NEW.items() if field != "category"}
    for said in ({}, {"category": None}, {"category": ""}):
        answer = await as_(tree.admin).post("/v1/organisations", json={**body, **said, "parent_id": str(tree.county)})
        assert answer.status_code == 422, answer.text
    missing = await as_(tree.admin).post("/v1/organisations", json={**body, "parent_id": str(tree.county)})
    assert missing.json()["code"] == "missing"
    assert missing.json()["detail"] == "学校须填写学校类别（办学类型）。请从列表中选择。"
