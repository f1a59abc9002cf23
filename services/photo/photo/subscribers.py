"""What photo hears."""

from collections.abc import Sequence

from chassis.consuming import Received, Subscribers
from chassis.identity.copies import hear_identity
from chassis.transaction import Tx
from contracts import topics
from contracts.registry import StudentChanged
from photo import commands

subscribers = Subscribers("photo")
hear_identity(subscribers)


@subscribers.hear(topics.STUDENT, StudentChanged)
async def expect(tx: Tx, pupils: Sequence[Received[StudentChanged]]) -> None:
    await commands.expect(tx, pupils)


@subscribers.ended(topics.STUDENT)
async def forget(tx: Tx, ended: Sequence[Received[None]]) -> None:
    await commands.forget(tx, [received.subject for received in ended])
