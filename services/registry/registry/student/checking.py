"""What is unusual about an entry, before it is saved."""

from uuid import UUID

from chassis.transaction import Tx
from registry.classes import queries as classes
from registry.student import queries
from registry.student.commands import person_index
from registry.student.domain import Circumstances, Problem, own_document, place, warnings
from registry.student.entry import ReadRow
from registry.student.settings import student_settings


async def cautions(tx: Tx, school_id: UUID, read: ReadRow) -> list[Problem]:
    """The warnings that pre-review would ask a reason for, or show, were it saved now; none where nothing can be."""
    if read.record is None:
        return []
    setting = await queries.setting(tx, school_id)
    named = await queries.by_number(tx, school_id, [read.class_number or ""])
    chosen = {number: each for number, (each, _) in named.items()}
    where = place(setting.school, chosen, read.grade, read.class_number, tx.now.date())
    if isinstance(where, Problem):
        return []
    size = standard = 0
    if where.school_class is not None:
        found = (await classes.classes(tx, [where.school_class.id]))[where.school_class.id]
        size, standard = found.size + 1, found.standard
    suspicions = 0
    if own_document(read.record) is None:
        person = person_index(tx.vault, read.record)
        suspicions = len((await queries.alike(tx, [person])).get(person, ()))
    about = Circumstances(
        stage=where.stage,
        entry_year=where.entry_year,
        first_grade=where.first_grade,
        age=student_settings().age_rule,
        today=tx.now.date(),
        class_size=size,
        class_standard=standard,
        suspicions=suspicions,
    )
    return [Problem(each.code, each.field, each.text) for each in warnings(read.record, about)]
