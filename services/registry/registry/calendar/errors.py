"""What registry refuses because of the calendar, in words."""

from datetime import date

from contracts.refusal import Refusal


def spoken(day: date) -> str:
    """A day as a clerk reads it."""
    return f"{day.year}年{day.month}月{day.day}日"


class WindowClosed(Refusal):
    """The season of this business is over."""

    status = 409

    def __init__(self, what: str, closed_on: date) -> None:
        super().__init__(
            "window-closed",
            f"{what}已于{spoken(closed_on)}截止。确需办理的，请由主管单位凭文号申请延期后再办。",
            closed_on=closed_on.isoformat(),
        )


class WindowNotYetOpen(Refusal):
    """The season of this business has not begun."""

    status = 409

    def __init__(self, what: str, opens: date) -> None:
        super().__init__("window-not-yet-open", f"{what}自{spoken(opens)}起办理。请届时再试。", opens=opens.isoformat())


class NoSchoolYear(Refusal):
    """The province has not said which school year is active."""

    status = 409

    def __init__(self) -> None:
        super().__init__("no-school-year", "尚未设置当前学年。请联系省级管理员。")


class WindowBackwards(Refusal):
    """A window that closes before it opens."""

    def __init__(self) -> None:
        super().__init__("window-backwards", "截止日期早于开始日期。请更正日期。")


class WindowOutsideYear(Refusal):
    """A window belongs to one school year."""

    def __init__(self, first: date, last: date) -> None:
        super().__init__(
            "window-outside-year", f"日期应在{spoken(first)}至{spoken(last)}之间（本学年内）。请更正日期。"
        )


class ExtensionTooShort(Refusal):
    """An extension that extends nothing."""

    def __init__(self, closes: date) -> None:
        super().__init__("extension-too-short", f"现有截止日期为{spoken(closes)}，延期日期应晚于此日。请更正日期。")
