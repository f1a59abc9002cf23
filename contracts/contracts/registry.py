"""What registry says of calendars, classes, students and requests."""

from datetime import date, datetime
from uuid import UUID

from contracts.event import Event, Words
from contracts.record import StudentRecord
from contracts.values import NumberKind, NumberStatus, RequestKind, Stage, StudentStatus, WindowKind


class Window(Words):
    """A season for one kind of business, inclusive of both days, in Asia/Shanghai."""

    kind: WindowKind
    opens: date
    closes: date


class Extension(Words):
    """A window that stays open longer for one organisation and all below it."""

    kind: WindowKind
    until: date
    document_number: str


class CalendarChanged(Event):
    """The calendar of an organisation, which holds for all below it that have none of their own."""

    active_school_year: int
    """学年, as the year in which it began."""
    windows: tuple[Window, ...]
    extensions: tuple[Extension, ...] = ()
    holidays: tuple[date, ...] = ()
    working_weekends: tuple[date, ...] = ()


class ClassChanged(Event):
    """A class 班级 is as this says. Source: art. 10."""

    school_id: UUID
    campus_id: UUID | None
    number: str
    """班号, unique in the school and frozen."""
    name: str
    stage: Stage
    entry_year: int
    """级 of the class; pupils carry their own."""
    class_type: str
    closed_on: date | None = None


class MatchIndexes(Words):
    """Keyed hashes (hex) by which photo finds the pupil of a file name; None where the pupil has no such name."""

    document: str | None = None
    student_number: str | None = None
    school_class_name: str | None = None


class StudentChanged(Event):
    """A pupil's enrolment is as this says; no personal data. Drafts are said too, for photo expects their pictures."""

    status: StudentStatus
    enrolment_id: UUID
    school_id: UUID
    campus_id: UUID | None = None
    class_id: UUID | None
    stage: Stage
    entry_year: int
    """级: the calendar year in which the stage began for this pupil."""
    first_grade: bool
    """Entered into the first grade of the stage, so that a photo of the entry year is due. Source: art. 12."""
    match: MatchIndexes = MatchIndexes()


class PupilNumber(Words):
    """A number that a pupil carries now. Source: art. 12, art. 13."""

    kind: NumberKind
    value: str
    status: NumberStatus


class StudentRecordChanged(Event):
    """The whole record of a registered pupil; travels sealed. First said at registration: drafts never leave registry.

    Source: art. 5, art. 15.
    """

    status: StudentStatus
    enrolment_id: UUID
    school_id: UUID
    school_code: str
    class_number: str
    class_name: str
    stage: Stage
    entry_year: int
    registered_on: date
    numbers: tuple[PupilNumber, ...]
    record: StudentRecord


class RequestSubmitted(Event):
    """A school asks its authority to decide.

    Said by registry once every automatic check has passed; review opens a case on it. Source: art. 15.
    """

    kind: RequestKind
    student_id: UUID
    enrolment_id: UUID
    school_id: UUID
    class_id: UUID | None
    stage: Stage
    authority_id: UUID | None
    """The school's 主管单位 on the day of submission; None when registry did not know one."""
    submission_number: int
    content_hash: str
    """SHA-256 of what the reviewer will see; the decision names the same hash or is refused."""
    submitted_by: UUID
    """The person, not the account: she may not decide on it."""
    submitted_at: datetime
    school_year: int
    warnings: tuple[str, ...] = ()
    """Codes of the warnings for which the school gave a reason."""


class WithdrawalAsked(Event):
    """The school wants its request back; review alone closes the case, and says so."""

    student_id: UUID
    asked_by: UUID
