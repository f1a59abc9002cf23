"""照片压缩包: a ZIP, what became of each file, and files to be matched by hand."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from chassis.http import allow_anyone
from portal.clients.calling import Away, Part, Refused, part
from portal.clients.registry.students import Lines
from portal.forms import Sent, Told, is_id, missing, told
from portal.pages.choosing import Page
from portal.pages.uploading import Upload, no_form
from portal.rendering import PAGE, Pager, offset_of, see_other, show, url
from portal.settings import LARGEST_ARCHIVE
from portal.visiting import Visit, Who

router = APIRouter(dependencies=[allow_anyone()])
CRUMBS = (("照片采集", "/photos"), ("照片压缩包", "/photos/archives"))
RESULTS = {"": "全部", "ambiguous": "待匹配", "unmatched": "未匹配", "refused": "不合格", "accepted": "已采用"}


async def _list_page(visit: Visit, why: Told | None) -> Response:
    return show(
        visit,
        "archives.html",
        told=why,
        crumbs=(("照片采集", "/photos"), ("照片压缩包", None)),
        archives=await part(visit.photo.archives()),
    )


@router.get("/photos/archives")
async def look(visit: Who) -> Response:
    """A ZIP to choose, and those before."""
    return await _list_page(visit, None)


@router.post("/photos/archives", max_body_size=LARGEST_ARCHIVE)
async def upload(visit: Who, request: Request) -> Response:
    """Hand a ZIP on."""
    file = Upload(request)
    if not file.is_form:
        return await _list_page(visit, no_form())
    try:
        archive = await visit.photo.send_archive(file.body, file.kind, file.length)
    except (Refused, Away) as why:
        return await _list_page(visit, told(why))
    return see_other(f"/photos/archives/{archive.id}")


async def _one_page(
    visit: Visit,
    archive_id: UUID,
    result: str,
    page: int,
    *,
    why: Told | None = None,
    number: int | None = None,
    candidates: Part[Lines] | None = None,
    words: str = "",
    student: str = "",
) -> Response:
    archive, files = await asyncio.gather(
        visit.photo.archive(archive_id),
        part(visit.photo.files(archive_id, result or None, offset_of(page), PAGE)),
    )
    moving = archive.under_way and number is None
    return show(
        visit,
        "archive.html",
        told=why,
        crumbs=(*CRUMBS, ("处理结果", None)),
        archive=archive,
        files=files,
        results=RESULTS,
        result=result,
        number=number,
        candidates=candidates,
        words_searched=words,
        chosen=student,
        pager=Pager(page, files.value.total) if files.value else None,
        # Not while a file is being matched: what was chosen would be gone.
        refresh=url(f"/photos/archives/{archive_id}", result=result, page=page) if moving else None,
    )


async def _candidates(visit: Visit, words: str) -> Part[Lines]:
    """Whose photo it may be: those who are looked for, or else those whose photo is due."""
    if words:
        return await part(visit.registry.students.search(words, {}, 0, PAGE))
    return await part(visit.registry.students.find({"photo": "required"}, 0, PAGE))


@router.get("/photos/archives/{archive_id}")
async def one(
    visit: Who,
    archive_id: UUID,
    result: Annotated[str, Query(max_length=20)] = "",
    number: Annotated[int | None, Query(ge=1)] = None,
    page: Page = 1,
) -> Response:
    """How far it is, and what became of each file. `number`: the file that is to be matched."""
    candidates = await _candidates(visit, "") if number is not None else None
    return await _one_page(
        visit, archive_id, result if result in RESULTS else "", page, number=number, candidates=candidates
    )


@router.post("/photos/archives/{archive_id}/search")
async def search(visit: Who, archive_id: UUID, form: Sent) -> Response:
    """Pupils by name, for a file that is to be matched."""
    words, number = form.text("q")[:60], form.number("number")
    why = None if words else missing("请输入学生姓名或完整证件号。", "q")
    found = await _candidates(visit, words) if words else None
    return await _one_page(
        visit, archive_id, form.text("result"), 1, why=why, number=number, candidates=found, words=words
    )


@router.post("/photos/archives/{archive_id}/match")
async def match(visit: Who, archive_id: UUID, form: Sent) -> Response:
    """A person says whose photo a file is."""
    number, student = form.number("number"), form.text("student")
    result = form.text("result") if form.text("result") in RESULTS else ""
    if number is None or not is_id(student):
        why = missing("请选择学生。", "student")
    else:
        try:
            await visit.photo.match(archive_id, number, student)
            return see_other(f"/photos/archives/{archive_id}", result=result, done="photo-matched")
        except (Refused, Away) as refused:
            why = told(refused, form)
    words = form.text("q")[:60]
    return await _one_page(
        visit,
        archive_id,
        result,
        1,
        why=why,
        number=number,
        candidates=await _candidates(visit, words) if number is not None else None,
        words=words,
        student=student,
    )
