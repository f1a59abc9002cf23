"""账号管理: issuing, resetting, closing. Source: art. 6."""

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from chassis.http import allow_anyone
from contracts.values import Role
from portal import words
from portal.clients.calling import Away, Refused
from portal.forms import Form, Sent, Told, is_id, told
from portal.pages.choosing import Page
from portal.rendering import PAGE, Pager, offset_of, see_other, show
from portal.visiting import Visit, Who

router = APIRouter(dependencies=[allow_anyone()])
CRUMB = ("账号管理", "/accounts")
SCHOOL_ROLES = (Role.REGISTRAR, Role.TEACHER)
ABOVE_ROLES = (Role.OFFICER, Role.VIEWER)
WISHES = {"reset": "重置密码", "disable": "停用账号", "enable": "启用账号"}


@router.get("/accounts")
async def look(visit: Who, organisation: UUID | None = None, page: Page = 1) -> Response:
    """The accounts below."""
    found = await visit.registry.accounts.find(str(organisation) if organisation else None, offset_of(page), PAGE)
    return show(
        visit,
        "accounts.html",
        crumbs=(("账号管理", None),),
        accounts=found.items,
        pager=Pager(page, found.total),
        organisation=str(organisation or ""),
        may_enable=visit.has(Role.PROVINCE_ADMIN),
    )


async def _new_page(visit: Visit, organisation: UUID, form: Form | None, why: Told | None) -> Response:
    place = await visit.registry.organisations.one(organisation)
    if place.kind == "campus" and place.parent_id:
        # A campus is its school's: whoever works there has an account of the school.
        return await _new_page(visit, place.parent_id, form, why)
    if place.kind == "school":
        roles: tuple[Role, ...] = SCHOOL_ROLES
    else:
        roles = (*ABOVE_ROLES, Role.PROVINCE_ADMIN) if place.kind == "province" else ABOVE_ROLES
    return show(
        visit,
        "account_new.html",
        told=why,
        crumbs=(CRUMB, ("开通账号", None)),
        place=place,
        roles=[(role.value, words.ROLE_NAMES[role]) for role in roles],
        values={"login": "", "display_name": "", "role": roles[0].value, **(form.values if form else {})},
    )


@router.get("/accounts/new")
async def new_form(visit: Who, organisation: UUID) -> Response:
    """An account to be issued."""
    return await _new_page(visit, organisation, None, None)


@router.post("/accounts/new")
async def create(visit: Who, form: Sent) -> Response:
    """Issue it; its first password is seen here, once."""
    if not is_id(form.text("organisation_id")):
        return see_other("/organisations")
    organisation = UUID(form.text("organisation_id"))
    body: dict[str, object] = {
        "login": form.text("login"),
        "display_name": form.text("display_name"),
        "organisation_id": str(organisation),
        "roles": [form.text("role")],
    }
    try:
        issued = await visit.registry.accounts.create(body, form.key)
    except (Refused, Away) as why:
        return await _new_page(visit, organisation, form, told(why, form))
    return show(visit, "account_issued.html", crumbs=(CRUMB, ("账号已开通", None)), issued=issued, word="账号已开通")


@router.get("/accounts/{account}/{wish}")
async def ask(visit: Who, account: UUID, wish: str, organisation: str = "") -> Response:
    """What will happen, before it happens."""
    if wish not in WISHES:
        return see_other("/accounts")
    return _ask_page(visit, account, wish, organisation, None)


def _ask_page(visit: Visit, account: UUID, wish: str, organisation: str, why: Told | None) -> Response:
    return show(
        visit,
        "account_wish.html",
        told=why,
        crumbs=(CRUMB, (WISHES[wish], None)),
        account=account,
        wish=wish,
        word=WISHES[wish],
        organisation=organisation if is_id(organisation) else "",
    )


@router.post("/accounts/{account}/{wish}")
async def act(visit: Who, account: UUID, wish: str, form: Sent) -> Response:
    """Reset, disable or enable."""
    accounts = visit.registry.accounts
    organisation = form.text("organisation")
    try:
        if wish == "reset":
            issued = await accounts.reset(account)
            return show(
                visit, "account_issued.html", crumbs=(CRUMB, ("密码已重置", None)), issued=issued, word="密码已重置"
            )
        if wish not in WISHES:
            return see_other("/accounts")
        await (accounts.disable if wish == "disable" else accounts.enable)(account)
    except (Refused, Away) as why:
        return _ask_page(visit, account, wish, organisation, told(why, form))
    return see_other("/accounts", organisation=organisation, done=f"account-{wish}d")
