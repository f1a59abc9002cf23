"""Refusals of enrolment."""

from contracts.refusal import NotAllowed, NotFound, Refusal

__all__ = [
    "NameTheWarning",
    "NotAllowed",
    "NotFound",
    "NothingToExplain",
    "OtherDecision",
    "OtherPupil",
    "TooMany",
    "UnknownRequest",
]


class TooMany(Refusal):
    """More at once than a call takes."""

    def __init__(self, most: int) -> None:
        super().__init__("too-many", f"一次最多办理{most}名学生。请分批办理。")


class NameTheWarning(Refusal):
    """One reason for a whole school answers one kind of warning."""

    def __init__(self) -> None:
        super().__init__("name-the-warning", "对全校学生批量说明时，须指定是哪一项提醒。请先选择提醒，再填写原因。")


class NothingToExplain(Refusal):
    """None of the pupils has a warning of this kind that the school may still explain."""

    status = 409

    def __init__(self) -> None:
        super().__init__(
            "nothing-to-explain", "所选学生没有需要说明的这项提醒，或已经提交。请刷新预审核列表后重新选择。"
        )


class UnknownRequest(Refusal):
    """A decision on a request that registry never made."""

    status = 409

    def __init__(self) -> None:
        super().__init__(
            "unknown-request",
            "收到对不存在的申请的审核结论，未作处理。请系统管理员核对学籍库是否从备份恢复，恢复后重放该结论。",
        )


class OtherPupil(Refusal):
    """A decision that names another pupil than its request."""

    status = 409

    def __init__(self) -> None:
        super().__init__(
            "other-pupil", "审核结论与申请的学生不一致，未作处理。请系统管理员核对审核件和申请，更正后重放该结论。"
        )


class OtherDecision(Refusal):
    """A second decision on a request, and another one than the first."""

    status = 409

    def __init__(self) -> None:
        super().__init__(
            "other-decision", "该申请已有审核结论，后到的不同结论未作处理。请系统管理员与主管单位核对后处理。"
        )
