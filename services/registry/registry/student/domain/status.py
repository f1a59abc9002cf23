"""The life of a pupil's record as a table: what is not in it is refused."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from contracts.values import StudentStatus

EDITABLE: Final = frozenset({StudentStatus.DRAFT, StudentStatus.RETURNED})
"""Statuses in which the school may change or remove the record."""
GONE: Final = frozenset({StudentStatus.REMOVED, StudentStatus.REJECTED})
"""Statuses in which a pupil is none: the identity may be entered anew, the seat is free, the numbers are void."""
RECORD_IS_SAID: Final = frozenset({StudentStatus.REGISTERED})
"""Statuses in which the full record is said to the nation's side. Source: art. 15."""
CHANGE_NAMES: Final[Mapping[str, str]] = {
    "drafted": "录入", "edited": "修改", "placed": "分班", "submitted": "提交审核", "registered": "正式注册",
    "reopened": "退回修改", "rejected": "不予通过", "removed": "未报到撤销", "renumbered": "学籍号更新",
    "reverted": "撤销导入",
}  # fmt: skip


class Change(StrEnum):
    """What can happen to a record; each makes a version."""

    DRAFTED = "drafted"
    EDITED = "edited"
    PLACED = "placed"
    SUBMITTED = "submitted"
    REGISTERED = "registered"
    REOPENED = "reopened"
    """Returned by the authority, or taken back by the school."""
    REJECTED = "rejected"
    REMOVED = "removed"
    RENUMBERED = "renumbered"
    """The nation issued a number."""
    REVERTED = "reverted"
    """An import was undone: the content of an earlier version holds again."""


_S = StudentStatus
EDGES: Final[Mapping[tuple[StudentStatus, Change], StudentStatus]] = {
    (_S.DRAFT, Change.EDITED): _S.DRAFT,
    (_S.DRAFT, Change.PLACED): _S.DRAFT,
    (_S.DRAFT, Change.SUBMITTED): _S.SUBMITTED,
    (_S.DRAFT, Change.REMOVED): _S.REMOVED,
    (_S.RETURNED, Change.EDITED): _S.RETURNED,
    (_S.RETURNED, Change.PLACED): _S.RETURNED,
    (_S.RETURNED, Change.SUBMITTED): _S.SUBMITTED,
    (_S.RETURNED, Change.REMOVED): _S.REMOVED,
    (_S.SUBMITTED, Change.REGISTERED): _S.REGISTERED,
    (_S.SUBMITTED, Change.REOPENED): _S.RETURNED,
    (_S.SUBMITTED, Change.REJECTED): _S.REJECTED,
    (_S.REGISTERED, Change.RENUMBERED): _S.REGISTERED,
    (_S.DRAFT, Change.REVERTED): _S.DRAFT,
}
"""(status, what happens) → status. The first version of every pupil is a draft. Source: art. 15."""


def after(status: StudentStatus, change: Change) -> StudentStatus | None:
    """The status after the change, None when the change is not possible from here."""
    return EDGES.get((status, change))
