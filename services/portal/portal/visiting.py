"""Who is at the browser: the session's cookie, a signed token for it, and the services to ask with it."""

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import httpx2
from fastapi import Depends, Request

from contracts.values import Role
from portal.clients.calling import Caller, Refused, SignedOut
from portal.clients.photo import Photo
from portal.clients.registry import Registry
from portal.clients.registry.sessions import Account, Sessions, Token
from portal.clients.review import Review
from portal.clients.sync import Sync
from portal.guarding import address_of
from portal.settings import PortalSettings

_MOST_TOKENS = 20_000
_LONGEST_SESSION = 200
SCHOOL_KINDS = frozenset({"school", "campus"})


class TokenBook:
    """Signed tokens by the hash of their session, for at most as long as the settings say."""

    def __init__(self, kept: float) -> None:
        self._kept = kept
        self._tokens: OrderedDict[bytes, tuple[float, Token]] = OrderedDict()

    def find(self, session: str) -> Token | None:
        """The session's token while it is fresh."""
        found = self._tokens.get(_hash(session))
        return found[1] if found and time.monotonic() - found[0] < self._kept else None

    def keep(self, session: str, token: Token) -> None:
        """Remember a token; the oldest go when there are too many."""
        key = _hash(session)
        self._tokens[key] = (time.monotonic(), token)
        self._tokens.move_to_end(key)
        while len(self._tokens) > _MOST_TOKENS:
            self._tokens.popitem(last=False)

    def forget(self, session: str) -> None:
        """The next request asks again."""
        self._tokens.pop(_hash(session), None)


def _hash(session: str) -> bytes:
    return hashlib.sha256(session.encode()).digest()


@dataclass(frozen=True, slots=True)
class Reach:
    """What the portal asks services with, for the life of the process."""

    settings: PortalSettings
    http: httpx2.AsyncClient
    tokens: TokenBook

    def sessions(self, request: Request) -> Sessions:
        """Signing in and out: no token needed."""
        address = address_of(request, self.settings)
        return Sessions(Caller(self.http, "registry", self.settings.registry, address, None))


class _Bearer:
    """The token of one session."""

    def __init__(self, reach: Reach, sessions: Sessions, session: str) -> None:
        self._reach = reach
        self._sessions = sessions
        self._session = session
        self.held: Token | None = reach.tokens.find(session)

    @property
    def token(self) -> str:
        """The signed token."""
        assert self.held is not None
        return self.held.token

    async def renew(self) -> None:
        """Exchange the session again. Raises SignedOut, Away."""
        self._reach.tokens.forget(self._session)
        try:
            self.held = await self._sessions.exchange(self._session)
        except Refused as refused:
            if refused.problem.status in (401, 403, 404):
                raise SignedOut from None
            raise
        self._reach.tokens.keep(self._session, self.held)


class Visit:
    """One request of somebody who is signed in."""

    def __init__(self, request: Request, reach: Reach, session: str, bearer: _Bearer) -> None:
        assert bearer.held is not None
        address = address_of(request, reach.settings)
        self.request = request
        self.session = session
        self.account: Account = bearer.held.account
        self.must_change_password = bearer.held.must_change_password

        def ask(service: str, base: str) -> Caller:
            return Caller(reach.http, service, base, address, bearer)

        self.registry = Registry(ask("registry", reach.settings.registry))
        self.review = Review(ask("review", reach.settings.review))
        self.photo = Photo(ask("photo", reach.settings.photo))
        self.sync = Sync(ask("sync", reach.settings.sync))

    def has(self, *roles: Role) -> bool:
        """Whether the account holds one of the roles."""
        return any(role in self.account.roles for role in roles)

    @property
    def at_school(self) -> bool:
        """Whether the account belongs to a school, which is then the one that pages are about."""
        return self.account.organisation.kind in SCHOOL_KINDS

    @property
    def organisation_id(self) -> UUID:
        """Where the account belongs."""
        return self.account.organisation.id


class ChangePasswordFirst(Exception):  # noqa: N818
    """The first password stands: there is one page to see."""


def reach_of(request: Request) -> Reach:
    """The process's reach."""
    found = request.app.state.reach
    assert isinstance(found, Reach)
    return found


def session_of(request: Request, settings: PortalSettings) -> str | None:
    """The opaque token in the cookie."""
    found = request.cookies.get(settings.cookie)
    return found if found and found.isascii() and len(found) <= _LONGEST_SESSION else None


async def newcomer(request: Request) -> Visit:
    """Who is signed in, the first password not yet changed perhaps. Raises SignedOut, Away."""
    reach = reach_of(request)
    session = session_of(request, reach.settings)
    if session is None:
        raise SignedOut
    bearer = _Bearer(reach, reach.sessions(request), session)
    if bearer.held is None:
        await bearer.renew()
    visit = Visit(request, reach, session, bearer)
    request.state.visit = visit
    return visit


async def visitor(visit: Annotated[Visit, Depends(newcomer)]) -> Visit:
    """Who is signed in. Raises SignedOut, ChangePasswordFirst, Away."""
    if visit.must_change_password:
        raise ChangePasswordFirst
    return visit


Who = Annotated[Visit, Depends(visitor)]
