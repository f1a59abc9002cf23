"""What registry refuses about organisations, in words."""

from datetime import date

from contracts.refusal import Refusal


class WrongParent(Refusal):
    """The kind may not stand there."""

    def __init__(self, kind: str, allowed: str) -> None:
        where = f"只能建在{allowed}之下" if allowed else "只能作为全省的根单位"
        super().__init__("wrong-parent", f"{kind}{where}。请重新选择上级单位。")


class WrongCode(Refusal):
    """A code does not have its form."""

    def __init__(self, what: str, form: str) -> None:
        super().__init__("wrong-code", f"{what}应为{form}。请核对后重新填写。", field=what)


class WrongSchoolType(Refusal):
    """The first two digits of 学校标识码 say another type of school."""

    def __init__(self, allowed: str) -> None:
        super().__init__(
            "wrong-school-type",
            f"学校标识码的前两位表示学校类型，应为{allowed}。请核对学校标识码和学校类别；类型变更的学校须使用新的学校标识码。",
            field="code",
        )


class UnknownCode(Refusal):
    """A value is not in its code set."""

    def __init__(self, what: str, value: str) -> None:
        super().__init__("unknown-code", f"{what}没有代码“{value}”。请从列表中选择。", field=what)


class CategoryMissing(Refusal):
    """A school says what it is: its stages and its codes hang on that. Source: art. 9."""

    def __init__(self) -> None:
        super().__init__("missing", "学校须填写学校类别（办学类型）。请从列表中选择。", field="category")


class WrongStages(Refusal):
    """A school of this kind may not run these stages."""

    def __init__(self, category: str) -> None:
        super().__init__("wrong-stages", f"学校类别为“{category}”时不能设置所选学段。请更正学校类别或学段。")


class CodeTaken(Refusal):
    """Another organisation bears the code."""

    status = 409

    def __init__(self, what: str, code: str) -> None:
        super().__init__("code-taken", f"{what}{code}已被其他单位使用。请核对代码；确属重码的，请联系省级管理员。")


class AuthorityNotAuthority(Refusal):
    """Only an authority decides for a school."""

    def __init__(self) -> None:
        super().__init__("authority-not-authority", "主管单位必须是省、市、县或功能区的教育主管单位。请重新选择。")


class LinkInThePast(Refusal):
    """What has been decided under an authority stays with it."""

    def __init__(self, today: date) -> None:
        super().__init__(
            "link-in-the-past", f"主管单位的变更不能追溯到过去。请把生效日期填为{today:%Y年%m月%d日}或以后。"
        )


class SchoolingInThePast(Refusal):
    """A 学制 is changed for the time to come."""

    def __init__(self, today: date) -> None:
        super().__init__(
            "schooling-in-the-past", f"学制变更不能追溯到过去。请把生效日期填为{today:%Y年%m月%d日}或以后。"
        )


class NotASchool(Refusal):
    """The thing asked for is done to schools."""

    def __init__(self) -> None:
        super().__init__("not-a-school", "该操作只适用于学校。请选择一所学校后再试。")


class ChangedMeanwhile(Refusal):
    """Somebody else saved first."""

    status = 409

    def __init__(self, what: str) -> None:
        super().__init__("changed-meanwhile", f"{what}已被他人修改。请刷新页面，核对最新内容后再保存。")


class SchoolNotOpen(Refusal):
    """The school has ended, or has yet to begin: nothing new is done in it."""

    status = 409

    def __init__(self, name: str, since: date, until: date | None, on: date) -> None:
        if until is not None and on >= until:
            what = f"{name}已于{until:%Y年%m月%d日}撤销，不能再办理学籍业务。"
        else:
            what = f"{name}自{since:%Y年%m月%d日}起设立，此前不能办理学籍业务。"
        super().__init__("school-not-open", f"{what}请核对学校；日期有误的，请联系省级管理员更正。")


class EndsBeforeItBegins(Refusal):
    """An organisation ends after it has begun."""

    def __init__(self, since: date) -> None:
        super().__init__(
            "ends-before-it-begins",
            f"撤销日期不能早于设立日期{since:%Y年%m月%d日}。请更正撤销日期。",
            field="valid_until",
        )


class StillInUse(Refusal):
    """An organisation cannot end while others stand below it."""

    status = 409

    def __init__(self, name: str) -> None:
        super().__init__("still-in-use", f"{name}下还有未撤销的单位。请先撤销或划转其下级单位。")
