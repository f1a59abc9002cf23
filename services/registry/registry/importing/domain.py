"""What an import can be, and how its receipt adds up."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

from registry.importing.errors import NotNow


class Mode(StrEnum):
    """What the clerk asked for."""

    DRY_RUN = "dry-run"
    """Tell what would become of every row; create nothing."""
    RUN = "run"


class State(StrEnum):
    """Where an import stands."""

    WAITING = "waiting"
    READING = "reading"
    CHECKING = "checking"
    """A dry run goes through the rows."""
    CHECKED = "checked"
    """The dry run is over; the clerk decides."""
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    """The file as a whole."""
    UNDOING = "undoing"
    UNDONE = "undone"
    EXPIRED = "expired"
    """Checked, and never run."""


STATE_NAMES: Mapping[State, str] = {
    State.WAITING: "等待处理",
    State.READING: "正在读取",
    State.CHECKING: "正在检查",
    State.CHECKED: "检查完毕",
    State.RUNNING: "正在导入",
    State.DONE: "已完成",
    State.REFUSED: "已被拒绝",
    State.UNDOING: "正在撤销",
    State.UNDONE: "已撤销",
    State.EXPIRED: "已过期",
}
WORKED_ON = frozenset({State.WAITING, State.READING, State.CHECKING, State.RUNNING, State.UNDOING})
"""States in which a worker has something to do."""
OPEN = WORKED_ON - {State.UNDOING} | {State.CHECKED}
"""States in which the same file again is the same import."""


class Wish(StrEnum):
    """What a person may want of an import."""

    RUN = "run"
    UNDO = "undo"


WISH_NAMES: Mapping[Wish, str] = {Wish.RUN: "开始导入", Wish.UNDO: "撤销"}
_WISHES: Mapping[tuple[State, Wish], State] = {
    (State.CHECKED, Wish.RUN): State.RUNNING,
    (State.DONE, Wish.UNDO): State.UNDOING,
}


def after(state: State, wish: Wish) -> State:
    """The state that follows when a person wants this. Raises NotNow for what is not in the table."""
    following = _WISHES.get((state, wish))
    if following is None:
        raise NotNow(WISH_NAMES[wish], STATE_NAMES[state])
    return following


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of rows."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicate: int = 0
    refused: int = 0

    @property
    def rows(self) -> int:
        """All of them."""
        return self.created + self.updated + self.unchanged + self.duplicate + self.refused


OUTCOMES = tuple(field.name for field in fields(Counts))


def progress(state: State, rows: int | None, done: int) -> int:
    """Percent for the bar: reading is the first tenth, for how long it takes is not known."""
    if state in (State.DONE, State.CHECKED, State.UNDONE, State.REFUSED, State.EXPIRED):
        return 100
    if state in (State.WAITING, State.READING) or not rows:
        return 0 if state is State.WAITING else 5
    return min(99, 10 + 90 * done // rows)
