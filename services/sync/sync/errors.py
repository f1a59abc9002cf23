"""What sync refuses: receipts that answer nothing we said are parked with these words, for a person to look at."""

from uuid import UUID

from contracts.refusal import Refusal


class UnknownPupil(Refusal):
    """A receipt for a pupil of whom the nation was never told."""

    def __init__(self, student: UUID) -> None:
        super().__init__(
            "receipt-for-unknown-pupil",
            "国家回执对应的学生从未上报，已搁置。请核对国家系统的回执来源。",
            student_id=str(student),
        )


class OtherPupilsReceipt(Refusal):
    """A receipt that came under one pupil's key and answers for another."""

    def __init__(self, student: UUID) -> None:
        super().__init__(
            "receipt-for-another-pupil",
            "国家回执的学生标识与消息键不一致，已搁置。请核对国家系统的回执来源。",
            student_id=str(student),
        )


class UnknownVersion(Refusal):
    """A receipt for a version that was never said, or for other content under its number."""

    def __init__(self, student: UUID, epoch: int, version: int) -> None:
        super().__init__(
            "receipt-for-unknown-version",
            "国家回执对应的上报版本或内容与本系统记录不一致，已搁置。请人工核对。",
            student_id=str(student),
            epoch=epoch,
            version=version,
        )
