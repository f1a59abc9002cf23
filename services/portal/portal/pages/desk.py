"""工作台."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import Response

from chassis.http import allow_anyone
from contracts.values import Role
from portal.clients.calling import Part, part
from portal.menu import O, P, R, T, V
from portal.rendering import show
from portal.visiting import Visit, Who

router = APIRouter(dependencies=[allow_anyone()])


@dataclass(frozen=True, slots=True)
class Count:
    """A figure, and the list in which what it counts is found: narrowed to it where that can be asked."""

    service: str
    keys: tuple[str, ...]
    """Its figure is their sum."""
    word: str
    path: str
    tone: str
    roles: frozenset[Role]


def _count(service: str, key: str, word: str, path: str, tone: str, *roles: Role) -> Count:
    return Count(service, tuple(key.split("+")), word, path, tone, frozenset(roles))


SECTIONS: tuple[tuple[str, tuple[Count, ...]], ...] = (
    (
        "待我办理",
        (
            _count("review", "cases_overdue", "审核已逾期", "/cases?overdue=true", "bad", O, P),
            _count("review", "cases_due_soon", "审核即将到期", "/cases?due_soon=true", "warn", O, P),
            _count("review", "cases_escalated", "下级逾期上报", "/cases?escalated=true", "bad", O, P),
            _count("review", "cases_open", "待审核", "/cases", "wait", O, P, V),
            _count("review", "cases_unrouted", "没有主管单位的审核件", "/cases?unrouted=true", "bad", P),
            _count("registry", "returned", "审核退回", "/returned", "warn", R),
            _count("registry", "submission_conflicts", "审核与提交内容不一致", "/returned", "bad", R),
            _count("registry", "imports_checked", "导入待确认", "/imports", "warn", R),
            _count("registry", "drafts+returned", "待提交（含退回）", "/pre-review", "wait", R, T),
            _count("registry", "late_drafts", "已过截止未提交", "/pre-review", "bad", R, T),
            _count("registry", "unplaced", "待分班", "/students?unplaced=true", "warn", R, T),
            _count("photo", "required", "照片待采集", "/photos?photo=required", "warn", R, T),
            _count("photo", "refused", "照片不合格", "/photos?photo=refused", "bad", R, T),
            _count("registry", "problems", "问题学籍", "/national?standing=problem", "bad", R),
            _count("duplicates", "open", "疑似重复", "/duplicates", "warn", R, O, P),
            _count("sync", "rejected", "国家未接收", "/national?standing=rejected", "bad", R, P),
            _count("sync", "problem", "国家反馈问题", "/national?standing=problem", "warn", P, O, V),
        ),
    ),
    (
        "办理情况",
        (
            _count("registry", "submitted", "已提交待审核", "/students?status=submitted", "wait", *Role),
            _count("registry", "registered", "在籍", "/students?status=registered", "good", *Role),
            _count("registry", "rejected", "不予通过", "/students?status=rejected", "bad", R, O, V),
            _count("registry", "withdrawals_asked", "申请撤回中", "/students?status=submitted", "wait", R),
            _count("registry", "late_drafts", "已过截止未提交", "/progress", "warn", O, P, V),
            _count(
                "review", "cases_returned", "审核退回学校", "/cases?state=decided&decision=returned", "warn", O, P, V
            ),
            _count("photo", "accepted", "照片合格", "/students?photo=accepted", "good", R, T, O, V),
            _count("sync", "waiting", "待国家答复", "/national?standing=waiting", "wait", R, O, V, P),
            _count("sync", "accepted", "国家已接收", "/national?standing=accepted", "good", R, O, V, P),
            _count("registry", "classes", "班级", "/classes", "good", R, T),
            _count("registry", "classes_above_standard", "超标准班额", "/classes?only=above-standard", "warn", R, O, V),
            _count(
                "registry", "classes_without_head_teacher", "未登记班主任", "/classes?only=no-head-teacher", "warn", R
            ),
        ),
    ),
)
_NAMES = {"registry": "学籍", "duplicates": "学籍", "review": "审核", "photo": "照片", "sync": "国家对接"}


@dataclass(frozen=True, slots=True)
class Shown:
    count: Count
    value: int | None
    """None: not known."""


def _shown(counts: tuple[Count, ...], desks: Mapping[str, Part[dict[str, int]]], roles: frozenset[Role]) -> list[Shown]:
    found = []
    for count in counts:
        desk = desks.get(count.service)
        if not count.roles & roles or desk is None:
            continue
        if desk.value is None:
            found.append(Shown(count, None))
        elif all(key in desk.value for key in count.keys):
            found.append(Shown(count, sum(desk.value[key] for key in count.keys)))
    return found


async def _suspected(visit: Visit) -> dict[str, int]:
    """What nobody has settled yet; registry's desk does not count it."""
    return {"open": (await visit.registry.students.duplicates("open", 0, 1)).total}


@router.get("/")
async def look(visit: Who) -> Response:
    """Counts that are links, and deadlines; a figure whose service is away says so."""
    wants = {"registry": visit.registry.desk(), "photo": visit.photo.desk(), "sync": visit.sync.desk()}
    if not visit.at_school:
        wants["review"] = visit.review.desk()
    if visit.has(R, O, P):
        wants["duplicates"] = _suspected(visit)
    calendar, answers = await asyncio.gather(
        part(visit.registry.calendar.look()), asyncio.gather(*(part(each) for each in wants.values()))
    )
    desks = dict(zip(wants, answers, strict=True))
    roles = frozenset(visit.account.roles)
    return show(
        visit,
        "desk.html",
        sections=[(word, _shown(counts, desks, roles)) for word, counts in SECTIONS],
        absent=list(dict.fromkeys(_NAMES[name] for name, desk in desks.items() if desk.away)),
        calendar=calendar,
    )
