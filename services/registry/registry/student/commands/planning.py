"""What would become of entries: everything that is read and decided before anything is stored."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy import func, select

from chassis.transaction import Tx
from contracts.values import Stage
from registry.classes import queries as classes
from registry.organisation import queries as organisations
from registry.student.commands.advancing import Held, lock
from registry.student.commands.entries import MOST_AT_ONCE, Drafted, Entry, Outcome, Prepared, SheetMemory, prepare
from registry.student.commands.keys import Identity
from registry.student.domain import EDITABLE, MOST_CHILDREN, AgeRule, Place, Problem, SchoolClass, place
from registry.student.errors import TooMany
from registry.student.queries.claims import Holder, alike, holders
from registry.student.queries.schools import Setting, by_number, setting, whom_to_ask
from registry.student.settings import student_settings


@dataclass(slots=True)
class Plan:
    """An entry on its way, as long as nothing is said against it."""

    drafted: Drafted
    entry: Entry
    place: Place
    campus_id: UUID | None
    prepared: Prepared
    sequence: int = 0
    """Of the claim: 0 for an own document, 1 to 9 for a guardian's children."""
    held: Held | None = None
    """The school's own pupil that the entry is of; None for a new one."""
    keeps_class: str | None = None
    """班号 of the class in which the pupil stays, where the entry names none."""

    @property
    def who(self) -> Identity:
        """Whom the entry is of."""
        return self.prepared.who

    @property
    def open(self) -> bool:
        """Whether nothing was decided yet."""
        return self.drafted.outcome is Outcome.CREATED

    def refuse(self, problem: Problem, outcome: Outcome = Outcome.REFUSED) -> None:
        """The entry is not taken."""
        self.drafted.outcome = outcome
        self.drafted.student_id = None
        self.drafted.previous_version = None
        self.drafted.problems = (problem,)

    @property
    def class_id(self) -> UUID | None:
        """The class that the entry asks for."""
        return self.place.school_class.id if self.place.school_class else None

    @property
    def wants_seat(self) -> UUID | None:
        """The class in which a seat must be taken for it."""
        wanted = self.class_id
        if wanted is None or (self.held is not None and self.held.class_id == wanted):
            return None
        return wanted


@dataclass(slots=True)
class Planned:
    """Entries with what was found out about them."""

    setting: Setting
    drafted: list[Drafted]
    """One per entry, in their order."""
    plans: list[Plan]
    """Of entries that were not refused at first sight."""
    seats: Mapping[UUID, int]
    """Class → seats left when it was looked at."""
    foreign: list[tuple[Plan, Holder]] = field(default_factory=list)
    """Entries of identities that another school holds."""
    taken: dict[bytes, set[int]] = field(default_factory=dict)
    """Guardian's claim → sequences that are taken."""

    @property
    def new(self) -> list[Plan]:
        """Pupils to be created."""
        return [plan for plan in self.plans if plan.drafted.outcome is Outcome.CREATED]

    @property
    def updated(self) -> list[Plan]:
        """Drafts whose content changes."""
        return [plan for plan in self.plans if plan.drafted.outcome is Outcome.UPDATED]


async def stand_in_line(tx: Tx, school_id: UUID) -> None:
    """Wait until nobody else drafts in this school: then only other schools can be met in a race."""
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(str(school_id), 7))))


async def plan(
    tx: Tx,
    school_id: UUID,
    entries: Sequence[Entry],
    memory: SheetMemory,
    *,
    locking: bool,
    in_season: bool = True,
) -> Planned:
    """What is to become of the entries as far as reading can tell; with `locking`, own pupils are held.

    Raises TooMany, NotFound, SchoolNotOpen and, where it must be the season, WindowClosed or WindowNotYetOpen.
    """
    if len(entries) > MOST_AT_ONCE:
        raise TooMany(MOST_AT_ONCE)
    if locking:
        await stand_in_line(tx, school_id)
    about = await setting(tx, school_id)
    if in_season:
        about.require_entry(tx)
    named = await by_number(tx, school_id, (entry.class_number or "" for entry in entries))
    campuses = await _campuses(tx, about, entries)
    planned = Planned(about, [], [], {each.id: left for each, left in named.values()})
    _first_look(tx, planned, entries, {number: each for number, (each, _) in named.items()}, campuses, memory)
    await _meet_holders(tx, planned, locking=locking)
    await _suspect(tx, planned)
    return planned


async def _campuses(tx: Tx, about: Setting, entries: Sequence[Entry]) -> dict[str, UUID | None]:
    """学校标识码 that may stand in the sheet → living campus, None for the school itself."""
    known: dict[str, UUID | None] = {about.school.code: None}
    others = {entry.school_code for entry in entries if entry.school_code} - known.keys()
    if others:
        for code, found in (await organisations.schools_by_code(tx, others)).items():
            if found.centre_id == about.school.id and found.exists(tx.now.date()):
                known[code] = found.id
    return known


def _first_look(
    tx: Tx,
    planned: Planned,
    entries: Sequence[Entry],
    named: Mapping[str, SchoolClass],
    campuses: Mapping[str, UUID | None],
    memory: SheetMemory,
) -> None:
    """Refuse what can be refused by the entry alone; find out who the others are."""
    school, vault, today = planned.setting.school, tx.vault, tx.now.date()
    age = student_settings().age_rule
    places: dict[tuple[int | None, str | None], Place | Problem] = {}
    seen: dict[bytes, int] = {}
    for entry in entries:
        drafted = Drafted(entry.row, Outcome.CREATED, None)
        planned.drafted.append(drafted)
        wanted = (entry.grade, entry.class_number)
        where = places.get(wanted)
        if where is None:
            where = places[wanted] = place(school, named, entry.grade, entry.class_number, today)
        pupil = entry.pupil
        problem = _fault(entry, pupil.birth_date, where, campuses, age, today)
        if problem is not None or isinstance(where, Problem):
            drafted.outcome = Outcome.REFUSED
            drafted.problems = tuple(each for each in (problem,) if each)
            continue
        prepared = pupil if isinstance(pupil, Prepared) else prepare(vault, pupil, entry.reasons)
        who = prepared.who
        drafted.identity = who.short
        earlier = memory.identities.get(who.short, seen.get(who.short))
        if earlier is not None:
            drafted.outcome = Outcome.DUPLICATE
            drafted.problems = (_same_sheet(earlier),)
            continue
        seen[who.short] = entry.row
        campus = where.school_class.campus_id if where.school_class else None
        planned.plans.append(
            Plan(
                drafted,
                entry,
                where,
                campus or (campuses[entry.school_code] if entry.school_code else None),
                prepared,
            )
        )


def _fault(
    entry: Entry,
    born: date | None,
    where: Place | Problem,
    campuses: Mapping[str, UUID | None],
    age: AgeRule,
    today: date,
) -> Problem | None:
    if entry.school_code and entry.school_code not in campuses:
        text = "“学校标识码”不是本校或本校分校的。请核对学校标识码，或留空表示本校；外校学生请由其所在学校录入。"
        return Problem("other-school", "school_code", text)
    if entry.continuation:
        text = "填写了“学籍接续标识”，说明该生已有学籍。学籍接续功能开放后再办理；确为无学籍新生的，请把该列留空。"
        return Problem("continuation-later", "continuation", text)
    if isinstance(where, Problem):
        return where
    if born is None:
        return Problem("missing", "birth_date", "“出生日期”没有填写，无法核对身份。请填写后再试。")
    if born > today:
        return Problem("born-in-future", "birth_date", "出生日期晚于今天。请按户口簿核对出生日期。")
    if where.stage is Stage.PRIMARY and age.enforced and age.is_too_young(born, where.entry_year):
        return Problem("too-young", "birth_date", age.sentence(where.entry_year))
    return None


def _same_sheet(row: int) -> Problem:
    return Problem(
        "same-sheet", "document_number", f"与本次录入的第{row}行是同一名学生。请核对证件号码，并删除重复的一行。"
    )


async def _meet_holders(tx: Tx, planned: Planned, *, locking: bool) -> None:
    """Find out which identities are held: by own pupils, or by others."""
    found = await holders(tx, {plan.who.claim for plan in planned.plans})
    own: dict[UUID, tuple[Plan, Holder]] = {}
    school_id = planned.setting.school.id
    for plan in planned.plans:
        among = found.get(plan.who.claim, [])
        if not plan.who.documented:
            used = planned.taken.setdefault(plan.who.claim, set())
            used.update(each.sequence for each in among)
        holder = next((each for each in among if plan.who.documented or each.person_index == plan.who.person), None)
        if holder is None:
            _give_sequence(plan, planned)
        elif holder.school_id == school_id:
            own[holder.student_id] = (plan, holder)
        else:
            planned.foreign.append((plan, holder))
    locked = await lock(tx, own) if locking else {}
    stays = {holder.class_id for plan, holder in own.values() if plan.class_id is None and holder.class_id}
    numbers = {each.id: each.number for each in (await classes.classes(tx, stays)).values()} if stays else {}
    for student_id, (plan, holder) in own.items():
        plan.sequence = holder.sequence
        plan.keeps_class = numbers.get(holder.class_id) if holder.class_id else None
        _meet_own(plan, locked.get(student_id) or _as_held(holder))
    await refuse_foreign(tx, planned.foreign)


def _give_sequence(plan: Plan, planned: Planned) -> None:
    """The first free place among a guardian's children, or a refusal."""
    if plan.who.documented:
        return
    used = planned.taken[plan.who.claim]
    free = next((each for each in range(1, MOST_CHILDREN + 1) if each not in used), None)
    if free is None:
        text = f"该监护人的号码下已登记{MOST_CHILDREN}名学生。请核对监护人的身份证号，或改填另一位监护人。"
        plan.refuse(Problem("too-many-children", "family.0.document_number", text))
        return
    used.add(free)
    plan.sequence = free


def _as_held(holder: Holder) -> Held:
    return Held(
        holder.student_id, holder.school_id, holder.enrolment_id, holder.status, holder.version,
        holder.record_version, holder.digest, holder.class_id,
    )  # fmt: skip


def _meet_own(plan: Plan, held: Held) -> None:
    plan.held = held
    plan.drafted.student_id = held.id
    plan.drafted.previous_version = held.version
    if held.digest == plan.prepared.digest and plan.class_id in (None, held.class_id):
        plan.drafted.outcome = Outcome.UNCHANGED
        return
    if held.status not in EDITABLE:
        text = "该学生已提交审核或已注册，不能通过录入修改。需要修改的，请先撤回申请，或待退回后再改。"
        plan.refuse(Problem("not-editable", "", text))
        return
    plan.drafted.outcome = Outcome.UPDATED


async def refuse_foreign(tx: Tx, foreign: Sequence[tuple[Plan, Holder]]) -> None:
    """What a school may know of an identity that another school holds: that it is, and whom to ask."""
    names = await whom_to_ask(tx, {holder.school_id for _, holder in foreign})
    for plan, holder in foreign:
        authority = names.get(holder.school_id, "上级主管单位")
        text = (
            f"该学生已在其他学校录入或已有学籍。请核对证件号码；号码无误且确已转来本校的，请办理转学；"
            f"对方录入有误的，请联系{authority}核实。"
        )
        field = "document_number" if plan.who.documented else "family.0.document_number"
        plan.refuse(Problem("duplicate", field, text), Outcome.DUPLICATE)


async def _suspect(tx: Tx, planned: Planned) -> None:
    """A new pupil without document who is like another one deserves a second look; nothing is refused for it."""
    new = [plan for plan in planned.new if not plan.who.documented]
    found = await alike(tx, {plan.who.person for plan in new})
    for plan in new:
        if found.get(plan.who.person):
            text = "另有无证件学生与其姓名、性别、出生日期相同，疑似重复。请核对；确为同一人的，请撤销其中一条。"
            plan.drafted.problems = (Problem("suspected-duplicate", "name", text),)


def seat(planned: Planned, left: Mapping[UUID, int]) -> None:
    """Give seats in the order of the rows; who finds none is refused. `left`: seats there are for these entries."""
    given: Counter[UUID] = Counter()
    for plan in planned.plans:
        wanted = plan.wants_seat
        if wanted is None or plan.drafted.outcome not in (Outcome.CREATED, Outcome.UPDATED):
            continue
        if given[wanted] >= left.get(wanted, 0):
            name = plan.place.school_class.name if plan.place.school_class else ""
            text = f"{name}已达到班额上限，没有空余名额。请改填其他班级，或由县级主管单位凭文号放宽。"
            plan.refuse(Problem("class-full", "class_number", text))
            continue
        given[wanted] += 1
        plan.drafted.seat = wanted
