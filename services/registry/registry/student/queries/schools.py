"""What drafting must know of a school and its classes."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from chassis.transaction import Tx
from contracts.refusal import NotFound
from contracts.values import WindowKind
from registry.calendar import queries as calendars
from registry.calendar.domain import Calendar
from registry.classes import queries as classes
from registry.organisation import queries as organisations
from registry.student.domain import School, SchoolClass


@dataclass(frozen=True, slots=True)
class Setting:
    """A school with its calendar."""

    school: School
    calendar: Calendar

    def require_entry(self, tx: Tx) -> None:
        """Raise WindowClosed or WindowNotYetOpen unless new pupils may be entered today. Source: art. 15."""
        self.calendar.require_open(WindowKind.ENTRY, tx.now.date())


async def setting(tx: Tx, school_id: UUID) -> Setting:
    """The school and its calendar. Raises NotFound for what is no school, SchoolNotOpen, NoSchoolYear."""
    found = (await organisations.schools(tx, [school_id])).get(school_id)
    if found is None or found.centre_id != school_id:
        raise NotFound("学校")
    found.require_open(tx.now.date())
    calendar = await calendars.calendar_of(tx, school_id)
    school = School(
        id=found.id,
        code=found.code,
        name=found.name,
        county=found.county_code,
        number=found.school_number,
        stages=frozenset(found.stages),
        schooling=found.schooling,
        school_year=calendar.school_year,
    )
    return Setting(school, calendar)


async def by_number(tx: Tx, school_id: UUID, numbers: Iterable[str]) -> dict[str, tuple[SchoolClass, int]]:
    """班号 → the class and the seats that are left in it; unknown numbers are missing."""
    wanted = {number for number in numbers if number}
    if not wanted:
        return {}
    found = await classes.classes_by_number(tx, school_id, wanted)
    return {number: (_class(each), each.seats_left) for number, each in found.items()}


def _class(each: classes.Class) -> SchoolClass:
    return SchoolClass(
        id=each.id,
        school_id=each.school_id,
        number=each.number,
        name=each.name,
        stage=each.stage,
        entry_year=each.entry_year,
        campus_id=each.campus_id,
        class_type=each.class_type,
        closed_on=each.closed_on,
    )


async def school_class(tx: Tx, class_id: UUID) -> SchoolClass | None:
    """A class by its id."""
    found = (await classes.classes(tx, [class_id])).get(class_id)
    return _class(found) if found else None


async def whom_to_ask(tx: Tx, school_ids: Collection[UUID]) -> dict[UUID, str]:
    """School → the name of the 主管单位 that one asks about its pupils."""
    if not school_ids:
        return {}
    deciding = await organisations.authority_of(tx, school_ids, tx.now.date())
    names = await organisations.places(tx, {each for each in deciding.values() if each})
    return {
        school_id: names[authority].name if authority and authority in names else "上级主管单位"
        for school_id, authority in deciding.items()
    }
