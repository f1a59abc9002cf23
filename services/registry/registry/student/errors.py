"""Refusals of student."""

from contracts.refusal import NotAllowed, NotFound, Refusal

__all__ = [
    "Duplicate",
    "EvidenceRefused",
    "NotAllowed",
    "NotEditable",
    "NotFound",
    "NotYours",
    "NumberInReason",
    "NumbersExhausted",
    "PupilRefused",
    "SettledAlready",
    "TooMany",
    "TooManyToExport",
    "VersionChanged",
]


class NotEditable(Refusal):
    """The record is in a status in which the school may not change it."""

    status = 409

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence)


class PupilRefused(Refusal):
    """A pupil cannot be drafted; `problems` says all of it."""

    def __init__(self, sentence: str, problems: list[dict[str, str]]) -> None:
        super().__init__("pupil-refused", sentence, problems=problems)


class Duplicate(Refusal):
    """The identity is held already."""

    status = 409

    def __init__(self, sentence: str) -> None:
        super().__init__("duplicate", sentence)


class VersionChanged(Refusal):
    """Somebody changed the record after this form was opened."""

    status = 409

    def __init__(self) -> None:
        super().__init__("version-changed", "该学生的信息刚刚被其他人修改过。请刷新页面，在最新内容上重新修改。")


class TooMany(Refusal):
    """More at once than a call takes."""

    def __init__(self, most: int) -> None:
        super().__init__("too-many", f"一次最多办理{most}名学生。请分批办理。")


class TooManyToExport(Refusal):
    """A list that no workbook should hold."""

    def __init__(self, total: int, most: int) -> None:
        super().__init__(
            "too-many-to-export", f"共{total}名学生，一次最多导出{most}名。请按学校、年级或班级缩小范围后再导出。"
        )


class NumberInReason(Refusal):
    """The reason for reading a pupil in full holds the number of a person; it would stand in the audit for ever."""

    def __init__(self, what: str) -> None:
        super().__init__(
            "number-in-reason",
            f"查看原因中含有{what}。原因会长期留存在审计记录中，不得包含个人信息。请删去号码，只写明事由（例如“核对证件”）。",
            field="reason",
        )


class NumbersExhausted(Refusal):
    """No number is left in a pool."""

    status = 409

    def __init__(self, kind: str) -> None:
        what = "该县同一出生日期的临时学籍号" if kind == "temporary" else "该校本年度的地区学号"
        super().__init__("numbers-exhausted", f"{what}已用完。请联系省级管理员处理。")


class EvidenceRefused(Refusal):
    """A file that is not taken as evidence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence)


class NotYours(Refusal):
    """A case of two schools of which the officer has only one."""

    status = 403

    def __init__(self) -> None:
        super().__init__("not-yours", "两所学校不都由本单位主管。请报两校共同的上级主管单位（市级或省级）处理。")


class SettledAlready(Refusal):
    """The case is closed."""

    status = 409

    def __init__(self) -> None:
        super().__init__("settled", "该疑似重复已经处理完毕。请返回列表查看结果。")
