"""登录与退出."""

import contextlib
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from chassis.http import allow_anyone
from portal import words
from portal.clients.calling import Away, Refused, SignedOut
from portal.forms import Form, Sent, Told, missing, sent, told
from portal.rendering import see_other, show
from portal.visiting import reach_of, session_of

router = APIRouter(dependencies=[allow_anyone()])
_CARRIED = "again."
"""Before the names of fields that are carried over the sign-in."""
_PATH = "/"
"""Among them, where the form goes; no field has such a name."""
_NEVER_CARRIED = frozenset({"/password"})


def _own_path(text: str | None) -> str | None:
    """A path of the portal to go on to, and nothing that could lead elsewhere."""
    fits = text and text.startswith("/") and not text.startswith("//") and "\\" not in text and text.isprintable()
    return text if fits else None


def _page(request: Request, onward: str | None, form: Form | None, why: Told | None) -> Response:
    done = words.DONE.get(request.query_params.get("done", ""))
    return show(
        None,
        "sign_in.html",
        told=why,
        login=form.text("login") if form else "",
        onward=_own_path(onward) or "",
        done=done,
        is_over="over" in request.query_params,
        carried=[(name, value) for name, value in form.pairs if name.startswith(_CARRIED)] if form else [],
    )


async def carry_over(request: Request) -> Response | None:
    """The sign-in page with the form that met an ended session, to be sent again; None where it cannot be carried.

    Files are not, for they are nowhere whole, and no page ever holds a password. The form has come from a page of ours,
    or the guard would have refused it.
    """
    kind = request.headers.get("content-type", "").partition(";")[0]
    if kind != "application/x-www-form-urlencoded" or request.url.path in _NEVER_CARRIED:
        return None
    try:
        form = await sent(request)
    except HTTPException:
        return None
    if not form.pairs:
        return None
    carried = [(_CARRIED + _PATH, request.url.path), *((_CARRIED + name, value) for name, value in form.pairs)]
    return show(None, "sign_in.html", status=401, login="", onward="", is_over=True, carried=carried)


def _go_on(form: Form) -> Response | None:
    """What was sent before signing in, to be sent again by a button: whoever has signed in decides."""
    path = _own_path(form.text(_CARRIED + _PATH))
    if path is None:
        return None
    fields = [(name.removeprefix(_CARRIED), value) for name, value in form.pairs if name.startswith(_CARRIED)]
    return show(None, "sign_in_again.html", path=path, fields=[each for each in fields if each[0] != _PATH])


@router.get("/sign-in")
async def look(request: Request, onward: Annotated[str | None, Query(alias="next", max_length=300)] = None) -> Response:
    """The form."""
    return _page(request, onward, None, None)


@router.post("/sign-in")
async def sign_in(request: Request, form: Sent) -> Response:
    """A new session; the one that the browser may have brought is left behind."""
    reach = reach_of(request)
    onward = _own_path(form.text("next"))
    if not form.text("login") or not form.raw("password"):
        return _page(request, onward, form, missing("请填写账号和密码。"))
    try:
        signed_in = await reach.sessions(request).sign_in(form.text("login"), form.raw("password"))
    except (Refused, Away) as why:
        return _page(request, onward, form, told(why))
    if signed_in.must_change_password:
        response: Response = see_other("/password")
    else:
        response = _go_on(form) or see_other(onward or "/")
    secure = reach.settings.secure
    response.set_cookie(
        reach.settings.cookie, signed_in.session, path="/", secure=secure, httponly=True, samesite="lax"
    )
    return response


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """The end of the session, and of what the browser has kept of it."""
    reach = reach_of(request)
    session = session_of(request, reach.settings)
    if session:
        reach.tokens.forget(session)
        with contextlib.suppress(Refused, SignedOut):
            await reach.sessions(request).sign_out(session)
    response = see_other("/sign-in", done="signed-out")
    response.delete_cookie(reach.settings.cookie, path="/", secure=reach.settings.secure, httponly=True, samesite="lax")
    response.headers["Clear-Site-Data"] = '"cache", "cookies", "storage"'
    return response
