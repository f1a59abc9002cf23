"""The sample county, founded over HTTP as people would: the province, then its officers, then its schools."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sample.accounts import Accounts
from sample.clients import Person, Refused, Services
from sample.words import COUNTY

TEACHERS = ("宋老师", "鲁老师", "戴老师", "章老师", "凌老师", "葛老师", "虞老师", "聂老师")
CITY_CODE, CITY_REGION = "340100000000", "340100"


@dataclass(frozen=True, slots=True)
class Seat:
    """An account to be issued."""

    login: str
    role: str
    name: str


@dataclass(frozen=True, slots=True)
class SchoolPlan:
    """A school to be founded."""

    code: str
    name: str
    parent: str
    """Key of the organisation below which it stands."""
    authority: str
    """Key of its 主管单位."""
    region: str
    category: str
    stage: str
    classes: Sequence[str | None]
    """One class each: the campus where it sits, None for the school itself."""
    seats: Sequence[Seat]
    campuses: Sequence[str] = ()
    setting: str = "121"
    teachers: Sequence[str] = TEACHERS


AUTHORITY_SEATS = {
    "city": (Seat("hefei.officer", "authority.officer", "合肥市审核员 方慧"),),
    "county": (
        Seat("changfeng.officer", "authority.officer", "长丰县审核员 葛敏"),
        Seat("changfeng.viewer", "authority.viewer", "长丰县查询员 管宁"),
    ),
}
SCHOOLS = (
    SchoolPlan(
        "2134012101",
        "长丰县青禾镇中心学校",
        "county",
        "county",
        COUNTY,
        "211",
        "primary",
        (None, None, None, None, "青禾镇柳塘分校", "青禾镇柳塘分校", "青禾镇石桥分校"),
        (
            Seat("qinghe.registrar", "school.registrar", "青禾镇中心学校学籍管理员 柳青"),
            Seat("qinghe.teacher", "school.teacher", "青禾镇中心学校班主任 宋老师"),
        ),
        campuses=("青禾镇柳塘分校", "青禾镇石桥分校"),
        setting="210",
    ),
    SchoolPlan(
        "2134012102",
        "长丰县育才路小学",
        "county",
        "county",
        COUNTY,
        "211",
        "primary",
        (None, None),
        (Seat("yucai.registrar", "school.registrar", "育才路小学学籍管理员 尹洁"),),
    ),
    SchoolPlan(
        "3134010103",
        "合肥市滨湖初级中学",
        "city",
        "city",
        "340111",
        "311",
        "junior",
        (None, None),
        (Seat("binhu.registrar", "school.registrar", "滨湖初级中学学籍管理员 齐越"),),
        setting="111",
    ),
)


class Founding:
    """Creates what is missing; what is there already is found again by its code or its login."""

    def __init__(self, services: Services, accounts: Accounts, province: Person) -> None:
        self.services = services
        self.accounts = accounts
        self.province = province
        self.ids: dict[str, str] = {"province": province.organisation["id"]}
        self.school_year = 0

    async def authorities(self) -> None:
        """The city and the county, and who works there."""
        calendar = await self.province.get("registry", "/v1/calendar")
        self.school_year = int(calendar["active_school_year"])
        self.ids["city"] = await self.organisation(
            {"kind": "city", "name": "合肥市教育局", "code": CITY_CODE, "region_code": CITY_REGION, "area_type": "1"},
            "province",
        )
        county = {
            "kind": "county",
            "name": "长丰县教育局",
            "code": COUNTY.ljust(12, "0"),
            "region_code": COUNTY,
            "area_type": "2",
            "economy_type": "0",
            "ethnic_type": "0",
            "address": "长丰县水湖镇长寿路1号",
            "phone": "0551-66671234",
        }
        self.ids["county"] = await self.organisation(county, "city")
        for place, seats in AUTHORITY_SEATS.items():
            for seat in seats:
                await self.account(seat, place)

    async def school(self, plan: SchoolPlan) -> dict[str, Any]:
        """A school with its campuses, people, approved plan and classes; its id and the numbers of its classes."""
        body = {
            "kind": "school",
            "name": plan.name,
            "code": plan.code,
            "region_code": plan.region,
            "category": plan.category,
            "setting": plan.setting,
            "ownership": "1",
            "authority_id": self.ids[plan.authority],
            "address": f"{plan.name}路1号",
            "phone": "0551-66670000",
            "postal_code": "231131",
        }
        self.ids[plan.code] = await self.organisation(body, plan.parent)
        for campus in plan.campuses:
            await self.organisation({"kind": "campus", "name": campus, "region_code": plan.region}, plan.code)
        for seat in plan.seats:
            await self.account(seat, plan.code)
        await self.province.put(
            "registry",
            f"/v1/schools/{self.ids[plan.code]}/plans",
            {"entry_year": self.school_year, "stage": plan.stage, "classes": len(plan.classes)},
        )
        registrar = await self.accounts.enter(self.services, plan.seats[0].login)
        return {"id": self.ids[plan.code], "name": plan.name, "classes": await self._classes(plan, registrar)}

    async def organisation(self, body: Mapping[str, Any], parent: str) -> str:
        """The id of an organisation below `parent`, created unless it is there."""
        known = await self.province.pages("registry", "/v1/organisations", parent=self.ids[parent])
        same = "code" if body.get("code") else "name"
        for each in known:
            if each[same] == body[same]:
                return str(each["id"])
        made = await self.province.post("registry", "/v1/organisations", {**body, "parent_id": self.ids[parent]})
        return str(made["id"])

    async def account(self, seat: Seat, place: str) -> None:
        """An account that can sign in with the password in the file; its first password is changed later, at work."""
        about = {"role": seat.role, "name": seat.name, "organisation_id": self.ids[place]}
        if self.accounts.people.get(seat.login, {}).get("password"):
            return
        found = await self.province.pages("registry", "/v1/accounts", organisation=self.ids[place])
        same = next((each for each in found if each["login"] == seat.login), None)
        if same is None:
            body = {
                "login": seat.login,
                "organisation_id": self.ids[place],
                "roles": [seat.role],
                "display_name": seat.name,
            }
            issued = await self.province.post("registry", "/v1/accounts", body)
            same = issued["account"]
        else:
            # It was created by a run that was killed before it wrote the password down.
            issued = await self.province.post("registry", f"/v1/accounts/{same['id']}/password-reset")
        workplace = same["organisation"]
        self.accounts.note(
            seat.login,
            password=issued["initial_password"],
            organisation=workplace["name"],
            kind=workplace["kind"],
            code=workplace["code"],
            **about,
        )

    async def _classes(self, plan: SchoolPlan, registrar: Person) -> list[str]:
        found = await registrar.pages("registry", "/v1/classes")
        campuses = {
            each["name"]: each["id"]
            for each in await registrar.pages("registry", "/v1/organisations", parent=self.ids[plan.code])
        }
        mine = [each for each in found if each["entry_year"] == self.school_year and each["stage"] == plan.stage]
        for number, campus in list(enumerate(plan.classes))[len(mine) :]:
            body = {
                "stage": plan.stage,
                "entry_year": self.school_year,
                "campus_id": campuses[campus] if campus else None,
                "head_teacher": plan.teachers[number % len(plan.teachers)],
            }
            mine.append(await registrar.post("registry", "/v1/classes", body))
        return sorted(each["number"] for each in mine)


async def province(services: Services, accounts: Accounts, first: Mapping[str, Any]) -> Person:
    """The province's administrator, her first password changed. Raises Refused."""
    login = str(first["login"])
    if login not in accounts.people:
        accounts.note(
            login,
            password=first["initial_password"],
            role="province.admin",
            name="省级管理员",
            organisation="安徽省教育厅",
            kind="province",
            code="340000000000",
        )
    return await accounts.enter(services, login)


async def found(services: Services, accounts: Accounts, first: Mapping[str, Any]) -> bool:
    """Whether the county was founded, or completed, now. Everything goes through registry's HTTP interface."""
    if accounts.founded:
        return False
    founding = Founding(services, accounts, await province(services, accounts, first))
    await founding.authorities()
    schools = {plan.code: await founding.school(plan) for plan in SCHOOLS}
    for login in accounts.people:
        await accounts.enter(services, login)  # everybody chooses a password of her own
    accounts.note_founded(
        {
            "school_year": founding.school_year,
            "city": founding.ids["city"],
            "county": founding.ids["county"],
            "schools": schools,
        }
    )
    return True


async def keep_window_open(founder: Person, organisation_id: str) -> date | None:
    """The day until which entry was extended now, None when its window is open. Source: art. 15.

    Raises Refused when the school year leaves no day to extend to.
    """
    calendar = await founder.get("registry", "/v1/calendar", organisation=organisation_id)
    window = next(each for each in calendar["windows"] if each["kind"] == "entry")
    if window["is_open"]:
        return None
    today = date.fromisoformat(calendar["today"])
    last = date(int(calendar["active_school_year"]) + 1, 7, 31)
    until = min(today + timedelta(days=30), last)
    if until < today:
        raise Refused(
            409,
            "year-over",
            f"学年{calendar['active_school_year']}已结束，不能再延长新生注册。请运行 make clean 后重新开始。",
            {},
        )
    await founder.post(
        "registry",
        "/v1/calendar/extensions",
        {
            "organisation_id": organisation_id,
            "kind": "entry",
            "until": until.isoformat(),
            "reason": "在新生注册期外演示全流程。",
            "document_number": f"皖教基〔{today.year}〕示例{today:%m%d}号",
        },
    )
    return until
