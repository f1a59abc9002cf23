"""Entry by form: what saving would say, saving, changing, taking back."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.http import NO_CONTENT, Actor, allow, done, idempotent
from chassis.transaction import Tx
from contracts import codes
from contracts.values import Role, born_on, sex_of
from registry.student import commands, entry, queries
from registry.student.api.asking import Brief, Db, Fault, Key, Who, own, own_school
from registry.student.api.pages import Pupil, page
from registry.student.cells import plain
from registry.student.checking import cautions
from registry.student.commands import Drafted, Entry, Outcome
from registry.student.domain import CITIZEN_ID, Problem, fault_of, formal_number, masked_number
from registry.student.errors import Duplicate, PupilRefused

router = APIRouter(prefix="/v1/students", tags=["students"])
Fields = Annotated[dict[str, Annotated[str, Field(max_length=1_000)]], Field(max_length=200)]
_ROW = 1


class Entered(BaseModel):
    """A filled-in form: path (`birth_date`, `family.0.phone`, `grade`, `class_number`) → text."""

    model_config = ConfigDict(extra="forbid")

    school_id: UUID | None = None
    """The actor's own school when nothing is said."""
    fields: Fields


class Edited(BaseModel):
    """A form that was filled in anew over a version of the record."""

    model_config = ConfigDict(extra="forbid")

    version: int
    fields: Fields


class Version(BaseModel):
    """The version that the clerk saw."""

    model_config = ConfigDict(extra="forbid")

    version: int


class Existing(BaseModel):
    """Somebody who has the identity already."""

    kind: Literal["own", "elsewhere"]
    text: str
    student_id: UUID | None = None


class Derived(BaseModel):
    """What follows from the identity number."""

    birth_date: date | None = None
    sex: str | None = None
    age: int | None = None
    student_number_preview: str | None = None


class Verdict(BaseModel):
    """What saving would say; nothing is stored."""

    problems: list[Fault]
    warnings: list[Fault]
    existing: Existing | None
    derived: Derived


class _Answer(BaseModel):
    """What became of a form, as it is kept for a repeat."""

    outcome: Outcome
    student_id: UUID | None
    problems: list[Fault]


@router.post("/check", dependencies=[allow(Role.REGISTRAR)])
async def check(body: Entered, db: Db, actor: Who) -> Verdict:
    """What saving would say. A form that names nobody yet is only checked in the fields that it has."""
    read = entry.read_form(body.fields)
    async with db.snapshot() as tx:
        school_id = await own_school(tx, actor, body.school_id, "为该学校录入学生")
        problems, warnings, existing = list(read.problems), [], await _existing(tx, school_id, body.fields)
        if read.record is not None and not problems:
            asked = _entry(read)
            (drafted,) = await commands.rehearse(tx, school_id, [asked])
            if drafted.outcome is Outcome.REFUSED:
                problems += drafted.problems
            elif drafted.outcome is Outcome.DUPLICATE and existing is None:
                existing = Existing(kind="elsewhere", text=drafted.problems[0].text)
            if drafted.outcome is not Outcome.REFUSED:
                warnings = [Fault.of(each) for each in await cautions(tx, school_id, read)]
        today = tx.now.date()
    if read.record is None:
        problems = _of_what_is_there(body.fields, problems)
    return Verdict(
        problems=[Fault.of(each) for each in problems],
        warnings=warnings,
        existing=existing,
        derived=_derived(body.fields, today),
    )


def _of_what_is_there(fields: Fields, problems: list[Problem]) -> list[Problem]:
    """The problems of a form that is still being filled in: nothing is missing yet, the number is checked already."""
    found = [each for each in problems if fields.get(each.field)]
    number = plain(fields.get("document_number", "")).upper()
    is_citizen_id = codes.SETS["身份证件类型"].read(plain(fields.get("document_type", CITIZEN_ID))) == CITIZEN_ID
    if number and is_citizen_id and not any(each.field == "document_number" for each in found):
        fault = fault_of(number)
        if fault is not None:
            found.append(Problem(fault[0], "document_number", fault[1]))
    return found


async def _existing(tx: Tx, school_id: UUID, fields: Fields) -> Existing | None:
    number = plain(fields.get("document_number", "")).upper()
    if not number:
        return None
    kind = "1" if born_on(number) else plain(fields.get("document_type", "1"))
    index = commands.document_index(tx.vault, kind, number)
    held = (await queries.holders(tx, [index])).get(index)
    if not held:
        return None
    if held[0].school_id == school_id:
        text = "本校已录入该学生。请在花名册中找到该学生，查看或修改。"
        return Existing(kind="own", text=text, student_id=held[0].student_id)
    authority = (await queries.whom_to_ask(tx, [held[0].school_id]))[held[0].school_id]
    text = f"该学生已在其他学校录入或已有学籍。确已转来本校的，请办理转学；对方录入有误的，请联系{authority}核实。"
    return Existing(kind="elsewhere", text=text)


def _derived(fields: Fields, today: date) -> Derived:
    number = plain(fields.get("document_number", "")).upper()
    born = born_on(number)
    if born is None:
        return Derived()
    return Derived(
        birth_date=born,
        sex=sex_of(number),
        age=today.year - born.year - ((today.month, today.day) < (born.month, born.day)),
        student_number_preview=masked_number(formal_number(number)),
    )


def _entry(read: entry.ReadRow) -> Entry:
    """The form as an entry. Raises PupilRefused with every problem."""
    if read.record is None or read.problems:
        said = [{"code": each.code, "field": each.field, "text": each.text} for each in read.problems]
        raise PupilRefused(f"有{len(said)}处需要更正。请按提示修改后再保存。", said)
    return Entry(
        row=_ROW,
        pupil=read.record,
        class_number=read.class_number,
        grade=read.grade,
        school_code=read.school_code,
        continuation=read.continuation,
        reasons=read.reasons,
    )


@router.post("", status_code=201, dependencies=[allow(Role.REGISTRAR)])
async def create(body: Entered, db: Db, actor: Who, key: Key) -> Pupil:
    """A new pupil is drafted. Who is there already is not changed by a form for new ones."""
    asked = _entry(entry.read_form(body.fields))

    async def act() -> _Answer:
        school_id = await own_school(tx, actor, body.school_id, "为该学校录入学生")
        (rehearsed,) = await commands.rehearse(tx, school_id, [asked])
        if rehearsed.outcome is Outcome.UPDATED or (
            rehearsed.outcome is Outcome.REFUSED and rehearsed.problems[0].code == "not-editable"
        ):
            raise Duplicate("本校已录入该学生，内容与本次填写的不同。请在花名册中找到该学生，在原记录上修改。")
        (drafted,) = await commands.draft(tx, school_id, [asked])
        return _Answer(
            outcome=drafted.outcome,
            student_id=drafted.student_id,
            problems=[Fault.of(each) for each in drafted.problems],
        )

    async with db.transaction(actor) as tx:
        done = await idempotent(tx, key, body, act)
    return await _saved(db, actor, done)


async def _saved(db: Db, actor: Actor, done: _Answer) -> Pupil:
    """The pupil; a refusal only now, after the commit, so that the case of a duplicate stays."""
    problems = tuple(Problem(each.code, each.field, each.text) for each in done.problems)
    student_id = commands.taken(Drafted(_ROW, done.outcome, done.student_id, problems))
    async with db.snapshot() as tx:
        return await page(tx, (await queries.pupils(tx, [student_id]))[student_id])


@router.patch("/{student_id}", dependencies=[allow(Role.REGISTRAR)], response_model=Pupil, responses=NO_CONTENT)
async def edit(student_id: UUID, body: Edited, db: Db, actor: Who, brief: Brief) -> Pupil | Response:
    """The record of a draft or of a returned pupil is replaced."""
    asked = _entry(entry.read_form(body.fields))
    async with db.transaction(actor) as tx:
        await own(tx, actor, student_id, "修改该学生")
        await commands.edit(tx, student_id, body.version, asked)
        return done() if brief else await page(tx, (await queries.pupils(tx, [student_id]))[student_id])


@router.post("/{student_id}/remove", dependencies=[allow(Role.REGISTRAR)], response_model=Pupil, responses=NO_CONTENT)
async def remove(student_id: UUID, body: Version, db: Db, actor: Who, brief: Brief) -> Pupil | Response:
    """A draft is taken back 未报到: identity and seat are free again."""
    async with db.transaction(actor) as tx:
        await own(tx, actor, student_id, "撤销该学生")
        await commands.remove(tx, student_id, body.version)
        return done() if brief else await page(tx, (await queries.pupils(tx, [student_id]))[student_id])
