"""修改密码."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from chassis.http import allow_anyone
from portal.clients.calling import Away, Refused
from portal.forms import Sent, Told, missing, told
from portal.rendering import see_other, show
from portal.visiting import Visit, newcomer, reach_of

router = APIRouter(dependencies=[allow_anyone()])
Newcomer = Annotated[Visit, Depends(newcomer)]


def _page(visit: Visit, why: Told | None) -> Response:
    return show(visit, "password.html", told=why, crumbs=() if visit.must_change_password else (("修改密码", None),))


@router.get("/password")
async def look(visit: Newcomer) -> Response:
    """The form; the only page while the first password stands."""
    return _page(visit, None)


@router.post("/password")
async def change(request: Request, visit: Newcomer, form: Sent) -> Response:
    """Another password."""
    old, new = form.raw("old"), form.raw("new")
    if not old or not new:
        return _page(visit, missing("请填写当前密码和新密码。"))
    if new != form.raw("again"):
        return _page(visit, missing("两次输入的新密码不一致。请重新输入。", "again"))
    reach = reach_of(request)
    try:
        await reach.sessions(request).change_password(visit.session, old, new)
    except (Refused, Away) as why:
        return _page(visit, told(why))
    reach.tokens.forget(visit.session)
    return see_other("/", done="password-changed")
