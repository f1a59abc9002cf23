"""Every page as the people who have it see it."""

from collections.abc import Callable

import httpx2
import pytest

from services.portal.tests.people import ACCOUNT, ARCHIVE, CASE, CLASS, DUPLICATE, IMPORT, PUPIL, SCHOOL
from services.portal.tests.reading import Page
from services.portal.tests.services import Services, recorded

Browse = Callable[[str | None], httpx2.AsyncClient]
PAGES = {
    "registrar": {
        "/": "工作台",
        "/school": "测试县实验小学",
        "/school/edit": "修改联系信息",
        "/school/campuses/new": "新建分校",
        "/classes": "2026级(1)班",
        "/classes/new": "新建班级",
        f"/classes/{CLASS}/edit": "修改班级",
        f"/classes/{CLASS}/close": "确认撤销",
        "/calendar": "新生注册",
        "/imports": "一年级新生.xlsx",
        f"/imports/{IMPORT}": "300 行 = 新增 280 + 更新 4 + 无变化 3 + 重复 5 + 未通过 8",
        f"/imports/{IMPORT}/undo": "确认撤销",
        "/students/new": "核对并继续",
        f"/students/{PUPIL}": "赵**",
        f"/students/{PUPIL}/edit": "999999202003020017",
        f"/students/{PUPIL}/photo": "上传照片",
        f"/students/{PUPIL}/remove": "未报到撤销",
        "/students": "钱**",
        "/photos": "照片采集",
        "/photos/archives": "上传并处理",
        f"/photos/archives/{ARCHIVE}": "王一一.jpg",
        f"/photos/archives/{ARCHIVE}?number=2": "确认匹配",
        "/pre-review": "年龄比本年级一般学生大2岁。",
        "/submissions/all": "确认提交",
        "/returned": "照片不清晰，请重新拍摄。",
        "/national": "身份证号与姓名不匹配",
        "/password": "保存新密码",
        "/duplicates": "证件已被占用",
    },
    "teacher": {"/": "工作台", "/students": "赵**", "/photos": "照片采集", f"/students/{PUPIL}": "赵**"},
    "officer": {
        "/": "审核已逾期",
        "/cases": "赵**",
        f"/cases/{CASE}": "赵六六",
        f"/cases/{CASE}/reroute": "测试市教育局",
        "/cases/batch": "没有提示",
        "/progress": "测试县实验小学",
        "/classes": "选择学校",
        f"/classes?school={SCHOOL}": "核定班数",
        f"/classes/{CLASS}/limit": "批准文号",
        "/national": "已接收比例",
        "/calendar": "批准延期",
        "/organisations": "测试县教育局",
        "/accounts": "初始密码",
        "/duplicates": "比对",
        "/duplicates?state=all": "待处理",
        f"/duplicates/{DUPLICATE}": "确认不是同一名学生",
    },
    "viewer": {"/": "工作台", "/cases": "测试县实验小学", "/progress": "测试县实验小学", "/national": "国家核验状态"},
    "province": {
        "/": "工作台",
        "/organisations": "新建学校",
        "/organisations/new?kind=school": "办学类型",
        "/organisations/new?kind=authority": "单位代码（12位）",
        f"/organisations/{SCHOOL}": "变更主管单位",
        "/accounts": "启用",
        f"/accounts/new?organisation={SCHOOL}": "使用人姓名",
        f"/accounts/{ACCOUNT}/reset": "确认重置密码",
        f"/accounts/{ACCOUNT}/disable": "确认停用账号",
        "/calendar": "设定办理时间",
        "/cases": "待审核",
    },
}


@pytest.mark.parametrize(("who", "path"), [(who, path) for who, pages in PAGES.items() for path in pages])
async def test_a_page_shows_what_it_is_for(browse: Browse, who: str, path: str) -> None:
    response = await browse(who).get(path)
    assert response.status_code == 200, response.text[-1500:]
    assert PAGES[who][path] in response.text
    assert Page(response.text).faults() == []


async def test_a_campus_has_the_accounts_of_its_school(browse: Browse, services: Services) -> None:
    client = browse("province")
    school = recorded("routes")[f"GET registry/v1/organisations/{SCHOOL}"]
    campus = {**school, "id": CLASS, "kind": "campus", "name": "测试分校", "parent_id": SCHOOL}
    services.give(f"GET registry/v1/organisations/{CLASS}", campus)
    services.give("GET registry/v1/accounts", {"items": [], "total": 0})
    page = Page((await client.get(f"/organisations/{CLASS}")).text)
    assert [each for each in page.all("a") if each["href"].startswith("/accounts/new")] == []
    assert "分校不单设账号" in page.text
    form = Page((await client.get(f"/accounts/new?organisation={CLASS}")).text)
    assert form.value("organisation_id") == SCHOOL
