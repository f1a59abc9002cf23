"""What review refuses, in the words of a reviewer."""

from collections.abc import Sequence
from datetime import datetime

from contracts.refusal import Refusal


class AlreadyDecided(Refusal):
    """Somebody was faster. It tells the organisation and the moment, never a person's name."""

    status = 409

    def __init__(self, organisation: str, outcome: str, at: datetime) -> None:
        super().__init__(
            "already-decided",
            f"该申请已由{organisation}于{at:%Y年%m月%d日 %H:%M}审核（{outcome}），不能重复审核。"
            "请刷新列表，办理下一件。",
            organisation=organisation,
            decided_at=at.isoformat(),
        )


class RequestTakenBack(Refusal):
    """The school took its request back before it was decided."""

    status = 409

    def __init__(self, at: datetime) -> None:
        super().__init__(
            "request-withdrawn", f"学校已于{at:%Y年%m月%d日 %H:%M}撤回该申请，无需审核。请刷新列表，办理下一件。"
        )


class ContentChanged(Refusal):
    """What the reviewer saw is not what the school submitted."""

    status = 409

    def __init__(self) -> None:
        super().__init__(
            "content-changed", "您看到的内容与学校提交的内容不一致，本次没有审核。请刷新页面，核对后重新审核。"
        )


class OwnSubmission(Refusal):
    """Submitter and reviewer are the same person, whatever accounts she has."""

    status = 409

    def __init__(self) -> None:
        super().__init__("own-submission", "该申请由您本人提交，不能由本人审核。请由本单位其他审核人员办理。")


class NotYourCase(Refusal):
    """The case is another organisation's to decide."""

    status = 409

    def __init__(self, authority: str) -> None:
        super().__init__(
            "not-your-case", f"该申请由{authority}审核，您可以查看，不能审核。如应由您单位办理，请联系该单位改派。"
        )


class NotRouted(Refusal):
    """Nobody knows yet whose case it is."""

    status = 409

    def __init__(self) -> None:
        super().__init__(
            "not-routed", "该学校的主管单位尚未确定，暂不能审核。请由省级管理员登记学校的主管单位，或改派该申请。"
        )


class CaseTwice(Refusal):
    """One batch names a case twice."""

    def __init__(self) -> None:
        super().__init__("case-twice", "同一申请在本批次中出现了两次，整批没有审核。请刷新列表后重新选择。")


class ReasonsMissing(Refusal):
    """A school cannot mend what nobody told it."""

    def __init__(self) -> None:
        super().__init__("reasons-missing", "退回或不予通过必须说明原因。请至少选择一条原因。")


class ReasonUnknown(Refusal):
    """A code that is not in the list."""

    def __init__(self) -> None:
        super().__init__("reason-unknown", "所选原因不在原因列表中。请刷新页面后从列表中选择。")


class ReasonNotFitting(Refusal):
    """A reason to return is none to reject, and the other way round."""

    def __init__(self, reason: str, outcome: str) -> None:
        super().__init__("reason-not-fitting", f"“{reason}”不能作为{outcome}的原因。请选择其他原因。")


class FieldNotOfReason(Refusal):
    """The reason is not about this field."""

    def __init__(self, reason: str, labels: Sequence[str]) -> None:
        about = "、".join(labels)
        super().__init__(
            "field-not-of-reason",
            f"“{reason}”只能针对：{about}。请更正所指的信息项，或选择其他原因。"
            if about
            else f"“{reason}”不针对具体信息项。请去掉信息项，或选择其他原因。",
        )


class FieldUnknown(Refusal):
    """No item of the form has this name."""

    def __init__(self) -> None:
        super().__init__("field-unknown", "原因所指的信息项不存在。请刷新页面后重新选择信息项。")


class TextMissing(Refusal):
    """This reason says nothing without words."""

    def __init__(self, reason: str) -> None:
        super().__init__("text-missing", f"选择“{reason}”时请用文字说明，让学校知道如何更正。")


class TextTooLong(Refusal):
    """Words beside a coded reason are few."""

    def __init__(self, longest: int) -> None:
        super().__init__("text-too-long", f"说明文字超过{longest}个字。请精简，每条原因说明一件事。")


class PersonalDataInText(Refusal):
    """A text holds the number of a person; review keeps none."""

    def __init__(self, what: str) -> None:
        super().__init__(
            "personal-data-in-text",
            f"说明文字中含有{what}。审核意见不得包含个人信息，请删去号码，改为指明信息项（例如“身份证号与户口簿不一致”）。",
        )


class NotAnAuthority(Refusal):
    """A case goes to an education authority that exists."""

    def __init__(self) -> None:
        super().__init__(
            "not-an-authority", "改派的对象不是现有的主管单位。请从列表中选择省、市、县（区）或功能区主管单位。"
        )


class OutOfReach(Refusal):
    """Who does not reach the school is shown neither the pupil nor the photo, and could not decide."""

    status = 409

    def __init__(self, authority: str, others: Sequence[str]) -> None:
        choice = f"可以改派到：{'、'.join(others)}。" if others else ""
        super().__init__(
            "out-of-reach",
            f"{authority}不管理该学校，看不到学生信息，不能审核。{choice}"
            "如学校已划归其他单位，请先由省级管理员变更学校的主管单位，再改派。",
        )


class SameAuthority(Refusal):
    """The case is already there."""

    status = 409

    def __init__(self, authority: str) -> None:
        super().__init__("same-authority", f"该申请已由{authority}审核，无需改派。")
