"""Who may: every route says so, or the application does not start."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, params
from fastapi.routing import iter_route_contexts
from starlette.requests import HTTPConnection

from chassis.identity.actor import Actor
from chassis.identity.tokens import TokenInvalid, TokenVerifier
from contracts.refusal import NotAllowed
from contracts.values import Role

Stands = Callable[[Actor], Awaitable[None]]
"""Raises when a token that was good does not hold any more."""


class NoPermissionDeclared(Exception):  # noqa: N818 - it says what is wrong
    """Routes do not say who may use them."""

    def __init__(self, routes: list[str]) -> None:
        super().__init__(
            f"Nobody has said who may use {', '.join(routes)}: "
            "give each route dependencies=[allow(...)] or dependencies=[allow_anyone()]."
        )


async def current_actor(connection: HTTPConnection) -> Actor:
    """Who acts. Raises TokenInvalid, TokenExpired; the answer is kept for the rest of the request."""
    known = connection.scope.get("chassis.actor")
    if isinstance(known, Actor):
        return known
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise TokenInvalid
    verifier: TokenVerifier = connection.app.state.verifier
    actor = verifier.verify(token.strip(), datetime.now(UTC))
    stands: Stands | None = getattr(connection.app.state, "stands", None)
    if stands is not None:
        await stands(actor)
    connection.scope["chassis.actor"] = actor
    return actor


class Permission:
    """A dependency that lets in who has one of the roles, or anybody when it names none."""

    def __init__(self, roles: frozenset[Role] | None) -> None:
        self.roles = roles
        """None: anybody, with or without a token."""

    async def __call__(self, connection: HTTPConnection) -> None:
        """Raises NotAllowed, TokenInvalid, TokenExpired."""
        if self.roles is not None and not self.roles & (await current_actor(connection)).roles:
            raise NotAllowed("办理此项")


def allow(*roles: Role) -> Any:
    """The route is for accounts with one of these roles. Raises ValueError when none is named."""
    if not roles:
        raise ValueError("name the roles, or use allow_anyone()")
    return params.Depends(Permission(frozenset(roles)))


def allow_anyone() -> Any:
    """The route is for everybody: it asks for something else than a token, or has nothing to hide."""
    return params.Depends(Permission(None))


def permissions(app: FastAPI) -> dict[str, frozenset[Role] | None]:
    """`METHOD /path` → who may. Raises NoPermissionDeclared."""
    found: dict[str, frozenset[Role] | None] = {}
    silent: list[str] = []
    for route in iter_route_contexts(app.routes):
        dependant = getattr(route, "dependant", None)
        if dependant is None:
            continue  # openapi.json and the health routes: Starlette's own, made by the chassis
        named = [f"{method} {route.path}" for method in sorted(route.methods or ())]
        said = list(_said(dependant))
        if not said:
            silent += named
        for name in named:
            # Several permissions on the way (a router's, a route's) must all hold.
            roles = [each.roles for each in said if each.roles is not None]
            found[name] = frozenset.intersection(*roles) if roles else None
    if silent:
        raise NoPermissionDeclared(silent)
    return found


def _said(dependant: Any) -> Iterator[Permission]:
    for each in dependant.dependencies:
        if isinstance(each.call, Permission):
            yield each.call
        yield from _said(each)
