"""What review hears."""

from collections.abc import Sequence

from chassis.consuming import Received, Subscribers
from chassis.identity.copies import hear_identity
from chassis.transaction import Tx
from contracts import topics
from contracts.identity import OrganisationChanged
from contracts.registry import CalendarChanged, RequestSubmitted, WithdrawalAsked
from review import commands

subscribers = Subscribers("review")
hear_identity(subscribers)
# The copies are brought up to date first; what follows reads them.


@subscribers.hear(topics.REQUEST, RequestSubmitted)
async def open_cases(tx: Tx, submitted: Sequence[Received[RequestSubmitted]]) -> None:
    await commands.open_cases(tx, submitted)


@subscribers.hear(topics.REQUEST, WithdrawalAsked)
async def withdraw(tx: Tx, asked: Sequence[Received[WithdrawalAsked]]) -> None:
    await commands.withdraw(tx, asked)


@subscribers.hear(topics.ORGANISATION, OrganisationChanged)
async def complete_routes(tx: Tx, arrived: Sequence[Received[OrganisationChanged]]) -> None:
    await commands.complete_routes(tx, [received.subject for received in arrived])


@subscribers.hear(topics.CALENDAR, CalendarChanged)
async def follow_calendars(tx: Tx, changed: Sequence[Received[CalendarChanged]]) -> None:
    await commands.follow_calendars(tx)
