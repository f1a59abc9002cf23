"""What registry refuses about classes, in words."""

from contracts.refusal import Refusal


class ClassFull(Refusal):
    """No seat is left."""

    status = 409

    def __init__(self, name: str, size: int, limit: int) -> None:
        super().__init__(
            "class-full", f"{name}已有{size}人，达到班额上限{limit}人。请选择其他班级，或由县级主管单位凭文号放宽。"
        )


class ClassClosed(Refusal):
    """The class takes nobody any more."""

    status = 409

    def __init__(self, name: str) -> None:
        super().__init__("class-closed", f"{name}已撤销。请选择其他班级。")


class ClassNotEmpty(Refusal):
    """A class ends when nobody is in it. Source: art. 16."""

    status = 409

    def __init__(self, name: str, size: int) -> None:
        super().__init__("class-not-empty", f"{name}还有{size}名学生，不能撤销。请先把学生调入其他班级。")


class NoPlan(Refusal):
    """No plan was approved for this cohort. Source: art. 16."""

    status = 409

    def __init__(self, year: int, stage: str) -> None:
        super().__init__(
            "no-plan", f"主管单位尚未批准{year}级{stage}的班级数。请先由主管单位录入批准的班级数，再建班。"
        )


class PlanUsedUp(Refusal):
    """All classes of the plan exist. Source: art. 16."""

    status = 409

    def __init__(self, year: int, stage: str, planned: int) -> None:
        super().__init__(
            "plan-used-up", f"{year}级{stage}批准{planned}个班，已全部建立。确需增加的，请由主管单位调整批准的班级数。"
        )


class PlanBelowClasses(Refusal):
    """A plan cannot fall below what exists."""

    status = 409

    def __init__(self, existing: int) -> None:
        super().__init__("plan-below-classes", f"已建有{existing}个班，批准的班级数不能少于此数。请先撤销空班。")


class StageNotOfSchool(Refusal):
    """The school does not run this stage."""

    def __init__(self, stage: str) -> None:
        super().__init__("stage-not-of-school", f"学校没有开设{stage}学段。请更正学段，或由省级管理员调整学校类别。")


class WrongClassType(Refusal):
    """The class type is of another stage, or unknown."""

    def __init__(self) -> None:
        super().__init__("wrong-class-type", "班级类型与学段不符。请从列表中重新选择班级类型。", field="class_type")


class CampusNotOfSchool(Refusal):
    """The campus belongs to another school, or has ended."""

    def __init__(self) -> None:
        super().__init__("campus-not-of-school", "所选分校不属于该学校，或已撤销。请重新选择分校。", field="campus_id")


class EntryYearOutOfReach(Refusal):
    """Nobody of this entry year is at school now."""

    def __init__(self, first: int, last: int) -> None:
        super().__init__(
            "entry-year-out-of-reach", f"入学年份应在{first}至{last}之间。请更正入学年份。", field="entry_year"
        )


class LimitNotRaised(Refusal):
    """An override that lets nobody in."""

    def __init__(self, size: int, standard: int) -> None:
        super().__init__(
            "limit-not-raised", f"上限应不少于现有人数{size}人和标准班额{standard}人。请重新填写上限。", field="limit"
        )


class LimitOfTheProvince(Refusal):
    """A class of 66 and more is for the province to allow."""

    status = 403

    def __init__(self, highest: int) -> None:
        super().__init__(
            "limit-of-the-province", f"超过{highest}人的超大班额只能由省级管理员批准。请降低上限，或逐级上报。"
        )


class NoNumberLeft(Refusal):
    """班号 has two digits for the class."""

    status = 409

    def __init__(self) -> None:
        super().__init__("no-class-number-left", "该年级的班号已用完（最多99个）。请联系省级管理员。")
