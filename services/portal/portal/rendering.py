"""Pages: templates, and what every page shows beside its own."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2_fragments import render_block

from chassis.clock import ZONE
from chassis.http import Problem
from portal import words
from portal.assets import ASSETS
from portal.clients.calling import Away, Download, Refused
from portal.forms import SERVICE_NAMES, Told, fresh_key
from portal.menu import here, menu_of
from portal.visiting import Visit

PAGE = 50
Crumbs = Sequence[tuple[str, str | None]]


def url(path: str, **params: Any) -> str:
    """The path with its query; parameters that say nothing are left out."""
    given = [(name, value) for name, value in params.items() if value not in (None, "", False)]
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


def day(value: date | datetime | str | None) -> str:
    """2026-09-01, "" for none."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value[:10]
    if isinstance(value, datetime):
        value = value.astimezone(ZONE).date()
    return value.isoformat()


def moment(value: datetime | None) -> str:
    """2026-09-01 08:30 in China, "" for none."""
    return value.astimezone(ZONE).strftime("%Y-%m-%d %H:%M") if value else ""


def filesize(value: int) -> str:
    """60 KB."""
    return f"{value / 1_048_576:.1f} MB" if value >= 1_048_576 else f"{max(1, round(value / 1024))} KB"


def field_id(name: str) -> str:
    """The id of the field with this name."""
    return "f-" + name.replace(".", "-").replace("_", "-")


class Pager:
    """Where a list stands."""

    def __init__(self, page: int, total: int, size: int = PAGE) -> None:
        self.page = page
        self.total = total
        self.pages = max(1, -(-total // size))
        self.first = min(total, (page - 1) * size + 1)
        self.last = min(total, page * size)


def offset_of(page: int, size: int = PAGE) -> int:
    """How many entries stand before a page."""
    return (page - 1) * size


_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    auto_reload=False,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters.update(
    day=day,
    moment=moment,
    filesize=filesize,
    field_id=field_id,
    extract=lambda code, names: names.get(code, code),
    zip=lambda first, second: list(zip(first, second, strict=True)),
)
_templates.globals.update(
    asset=ASSETS.path, url=url, fresh_key=fresh_key, words=words, label_of=words.label_of, word_of=words.word_of
)


def _context(visit: Visit | None, told: Told | None, crumbs: Crumbs, context: Mapping[str, Any]) -> dict[str, Any]:
    groups = menu_of(visit.account.roles) if visit and not visit.must_change_password else []
    done = words.DONE.get(visit.request.query_params.get("done", "")) if visit else None
    return {
        "me": visit.account if visit else None,
        "visit": visit,
        "menu": groups,
        "here": here(visit.request.url.path, groups) if visit else "",
        "crumbs": crumbs,
        "told": told,
        "done": done,
        "refresh": None,
        **context,
    }


def show(
    visit: Visit | None,
    template: str,
    *,
    status: int | None = None,
    told: Told | None = None,
    crumbs: Crumbs = (),
    **context: Any,
) -> HTMLResponse:
    """A page. Its status is the refusal's where one is shown."""
    content = _templates.get_template(template).render(_context(visit, told, crumbs, context))
    return HTMLResponse(content, status_code=status or (told.status if told else 200))


def show_block(visit: Visit, template: str, block: str, **context: Any) -> HTMLResponse:
    """One block of a page, for htmx to put in its place."""
    return HTMLResponse(render_block(_templates, template, block, _context(visit, None, (), context)))


def see_other(path: str, **params: Any) -> RedirectResponse:
    """Look there next; a reload does not send the form again."""
    return RedirectResponse(url(path, **params), status_code=303)


def handed_on(download: Download, name: str | None) -> Response:
    """A file of a service, as an attachment under a name of ours, or to be shown in the page when it has none."""
    disposition = f'attachment; filename="{name}"' if name else "inline"
    headers = {"Content-Disposition": disposition}
    if download.length:
        headers["Content-Length"] = download.length
    return StreamingResponse(download.pieces, media_type=download.content_type, headers=headers)


def problem_page(request: Request, problem: Problem) -> Response:
    """What went wrong, as a page: the chassis asks for it where no page has its own answer."""
    visit = getattr(request.state, "visit", None)
    response = show(visit, "problem.html", status=problem.status, problem=problem)
    for name, value in problem.headers.items():
        response.headers[name] = value
    return response


def of_refused(refused: Refused) -> Problem:
    """A service's refusal, for a page that has no place of its own for it."""
    told = refused.problem
    return Problem(told.status, told.code, told.sentence, instance=told.incident or "")


def of_away(away: Away) -> Problem:
    """A service that is away, for a page that cannot be without it."""
    sentence = f"{SERVICE_NAMES[away.service]}暂不可用，本页暂时无法显示。请稍后刷新本页；已保存的内容不受影响。"
    return Problem(503, "away", sentence, headers={"Retry-After": "5"})
