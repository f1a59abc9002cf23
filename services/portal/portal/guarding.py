"""What stands before every page: whence a form may come, how large it may be, what a browser may do with the answer."""

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.http import Problem, answer
from portal.settings import PortalSettings

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CSP: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""No inline script or style; `data:` is for the marks inside Bootstrap's own CSS."""
HEADERS: Final = {
    "Content-Security-Policy": CSP,
    # Not no-referrer: with it browsers send `Origin: null` with our own forms, which we would then refuse.
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
}
_FOREIGN: Final = Problem(403, "foreign-form", "这次提交不是从本系统的页面发出的，没有办理。请从本系统的页面重新操作。")
STRICT_TRANSPORT: Final = "max-age=31536000; includeSubDomains"


def is_ours(request: Request, origin: str | None) -> bool:
    """Whether a form was sent from one of our own pages.

    Newer browsers say so themselves (Sec-Fetch-Site); older ones name the page's origin, or at least the page.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    named = request.headers.get("origin") or request.headers.get("referer")
    if not named or named == "null":
        return False
    sent = urlsplit(named)
    if origin is not None:
        own = urlsplit(origin)
        return (sent.scheme, sent.netloc) == (own.scheme, own.netloc)
    return bool(sent.netloc) and sent.netloc == request.headers.get("host")


class Guard:
    """Refuses forms of strangers and sets the headers of pages."""

    def __init__(self, app: ASGIApp, settings: PortalSettings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["method"] not in SAFE and not is_ours(Request(scope), self.settings.origin):
            await answer(Request(scope, receive), _FOREIGN)(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if self.settings.secure:
                    headers["Strict-Transport-Security"] = STRICT_TRANSPORT
            await send(message)

        await self.app(scope, receive, with_headers)


def address_of(request: Request, settings: PortalSettings) -> str:
    """Where the browser is: the peer, or what a trusted proxy says of it."""
    peer = request.client.host if request.client else "unknown"
    if peer in settings.trusted_proxies:
        forwarded = Headers(scope=request.scope).get("x-forwarded-for", "").rsplit(",", 1)[-1].strip()
        return forwarded or peer
    return peer
