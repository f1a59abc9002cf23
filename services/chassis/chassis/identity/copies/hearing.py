"""What is heard becomes rows. Only the newest state of a subject arrives here, once."""

from collections.abc import Sequence
from typing import Any
from weakref import WeakSet

from sqlalchemy import delete

from chassis.consuming import Received, Subscribers
from chassis.identity.copies.tables import ACCOUNTS, CALENDARS, LINKS, ORGANISATIONS
from chassis.rows import among
from chassis.transaction import Tx
from contracts import topics
from contracts.event import Event
from contracts.identity import AccountChanged, OrganisationChanged

_heard_by: WeakSet[Subscribers] = WeakSet()


def are_heard_by(subscribers: Subscribers) -> bool:
    """Whether a service keeps copies."""
    return subscribers in _heard_by


def hear_identity(subscribers: Subscribers) -> None:
    """Keep copies of organisations, accounts and calendars from what the service hears."""
    _heard_by.add(subscribers)
    subscribers.hear(topics.ORGANISATION, OrganisationChanged)(keep_organisations)
    subscribers.ended(topics.ORGANISATION)(drop_organisations)
    subscribers.hear(topics.ACCOUNT, AccountChanged)(keep_accounts)
    subscribers.ended(topics.ACCOUNT)(drop_accounts)
    subscribers.hear(topics.CALENDAR, *topics.CALENDAR.events)(keep_calendars)
    subscribers.ended(topics.CALENDAR)(drop_calendars)


async def keep_organisations(tx: Tx, changed: Sequence[Received[OrganisationChanged]]) -> None:
    """Organisations and the authority links of schools, as they are now. Three statements."""
    rows = [
        {
            "id": each.subject,
            "kind": each.event.kind.value,
            "name": each.event.name,
            "code": each.event.code,
            "parent_id": each.event.parent_id,
            "stages": [stage.value for stage in each.event.stages],
            "schooling": each.event.schooling.value if each.event.schooling else None,
            "valid_from": each.event.valid_from,
            "valid_until": each.event.valid_until,
        }
        for each in changed
    ]
    links = [
        {
            "school_id": each.subject,
            "valid_from": link.valid_from,
            "valid_until": link.valid_until,
            "authority_id": link.authority_id,
        }
        for each in changed
        for link in each.event.authorities
    ]
    await tx.upsert(ORGANISATIONS, rows, key=["id"])
    await tx.execute(delete(LINKS).where(LINKS.c.school_id.in_([each.subject for each in changed])))
    await tx.upsert(LINKS, links, key=["school_id", "valid_from"])


async def drop_organisations(tx: Tx, ended: Sequence[Received[None]]) -> None:
    """Organisations that are not any more. Two statements."""
    subjects = [each.subject for each in ended]
    await tx.execute(delete(LINKS).where(among(LINKS.c.school_id, subjects)))
    await tx.execute(delete(ORGANISATIONS).where(among(ORGANISATIONS.c.id, subjects)))


async def keep_accounts(tx: Tx, changed: Sequence[Received[AccountChanged]]) -> None:
    """Accounts, as they are now. One statement."""
    rows = [
        {
            "id": each.subject,
            "person_id": each.event.person_id,
            "organisation_id": each.event.organisation_id,
            "roles": [role.value for role in each.event.roles],
            "may_act": each.event.may_act,
            # The account's own version, which its tokens carry.
            "version": each.event.version,
        }
        for each in changed
    ]
    await tx.upsert(ACCOUNTS, rows, key=["id"])


async def drop_accounts(tx: Tx, ended: Sequence[Received[None]]) -> None:
    """Accounts that are not any more: their persons stay known, and they may not act. One statement."""
    await tx.execute(
        ACCOUNTS.update().where(ACCOUNTS.c.id.in_([each.subject for each in ended])).values(may_act=False, roles=[])
    )


async def keep_calendars(tx: Tx, changed: Sequence[Received[Any]]) -> None:
    """Calendars, as they are now. One statement."""
    rows = [{"organisation_id": each.subject, "calendar": _as_json(each.event)} for each in changed]
    await tx.upsert(CALENDARS, rows, key=["organisation_id"])


async def drop_calendars(tx: Tx, ended: Sequence[Received[None]]) -> None:
    """Organisations that have no calendar of their own any more. One statement."""
    subjects = [each.subject for each in ended]
    await tx.execute(delete(CALENDARS).where(among(CALENDARS.c.organisation_id, subjects)))


def _as_json(event: Event) -> dict[str, Any]:
    return event.model_dump(mode="json")
