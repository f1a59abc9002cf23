"""Who acts, and where organisations stand. Said by registry, heard by every service that lets people in."""

from datetime import date
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from contracts.event import Event, Words
from contracts.values import OrganisationKind, Role, Schooling, Stage


class Claims(BaseModel):
    """What a signed token says; valid for 60 seconds, verified offline by every service."""

    model_config = ConfigDict(frozen=True)

    iss: str
    sub: UUID
    """The account."""
    person: UUID
    organisation: UUID
    roles: tuple[Role, ...]
    version: int
    """The account's version; where a service has heard of a newer one, the newer one wins."""
    session: UUID | None = None
    iat: int
    exp: int

    def as_json(self) -> dict[str, Any]:
        """The claims as JSON values."""
        return self.model_dump(mode="json")


class AuthorityLink(Words):
    """The 主管单位 of a school for a time; `valid_until` is the first day on which it no longer holds."""

    authority_id: UUID
    valid_from: date
    valid_until: date | None = None


class OrganisationChanged(Event):
    """An organisation is as this says, from now on.

    Said by registry; every service keeps a copy and computes paths itself, where a missing ancestor means no.
    Source: art. 6, art. 7.
    """

    kind: OrganisationKind
    name: str
    code: str
    """单位代码 (12 digits) of an authority, 学校标识码 (10 digits) of a school."""
    parent_id: UUID | None
    authorities: tuple[AuthorityLink, ...] = ()
    """Only of schools: who decides their requests, dated, of any level."""
    stages: tuple[Stage, ...] = ()
    schooling: Schooling | None = None
    valid_from: date
    valid_until: date | None = None


class AccountChanged(Event):
    """An account is as this says. It names no person, only her id. Source: art. 6."""

    person_id: UUID
    organisation_id: UUID
    roles: tuple[Role, ...]
    may_act: bool
    version: int = 0
    """The account's version, which its tokens carry: a token with a lower one is not good any more."""
