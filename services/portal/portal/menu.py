"""The menu, in the words of the national system. It only spares ways: what an account may do, the services decide."""

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.values import Role

P, O, V, R, T = Role.PROVINCE_ADMIN, Role.OFFICER, Role.VIEWER, Role.REGISTRAR, Role.TEACHER  # noqa: E741


@dataclass(frozen=True, slots=True)
class Entry:
    """A place to go to."""

    word: str
    path: str
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class Group:
    word: str
    entries: tuple[Entry, ...]


def _entry(word: str, path: str, *roles: Role) -> Entry:
    return Entry(word, path, frozenset(roles))


GROUPS = (
    Group("首页", (_entry("工作台", "/", *Role),)),
    Group(
        "学校管理",
        (
            _entry("学校信息", "/school", R, T),
            _entry("班级管理", "/classes", *Role),
            _entry("机构与学校", "/organisations", P, O, V),
            _entry("账号管理", "/accounts", P, O),
            _entry("办理时间", "/calendar", *Role),
        ),
    ),
    Group(
        "学籍注册",
        (
            _entry("新生录入", "/students/new", R),
            _entry("Excel导入", "/imports", R),
            _entry("照片采集", "/photos", R, T),
            _entry("预审核与提交", "/pre-review", R, T),
            _entry("退回学生", "/returned", R),
        ),
    ),
    Group(
        "学籍审核",
        (
            _entry("待审核", "/cases", O, P, V),
            _entry("批量审核", "/cases/batch", O, P),
            _entry("学校进度", "/progress", O, V, P),
        ),
    ),
    Group(
        "问题学籍处理", (_entry("国家核验状态", "/national", R, O, V, P), _entry("疑似重复", "/duplicates", R, O, P))
    ),
    Group("综合查询", (_entry("学生花名册", "/students", *Role),)),
)


def menu_of(roles: Iterable[Role]) -> list[Group]:
    """The groups and entries for somebody with these roles."""
    held = frozenset(roles)
    shown = [Group(group.word, tuple(entry for entry in group.entries if entry.roles & held)) for group in GROUPS]
    return [group for group in shown if group.entries]


def here(path: str, groups: Iterable[Group]) -> str:
    """The entry under which a page stands: the longest path that the page's begins with."""
    paths = [entry.path for group in groups for entry in group.entries]
    fitting = [each for each in paths if path == each or (each != "/" and path.startswith(each + "/"))]
    return max(fitting, key=len, default="")
