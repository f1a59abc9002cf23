"""Who acts."""

from dataclasses import dataclass
from uuid import UUID

from contracts.values import Role


@dataclass(frozen=True, slots=True)
class Actor:
    """An account that acts, with the organisation and the roles that it acts in."""

    account_id: UUID
    person_id: UUID
    organisation_id: UUID
    roles: frozenset[Role]
    version: int
    """Of the account when the token was issued; where a newer one is known, the token is not good any more."""
    session_id: UUID | None
