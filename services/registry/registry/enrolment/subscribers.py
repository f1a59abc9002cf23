"""What registry hears: decisions of review, photos, and what the nation answered."""

from collections.abc import Sequence

from chassis.consuming import Received, Subscribers
from chassis.transaction import Tx
from contracts import topics
from contracts.photo import PhotoChanged
from contracts.review import RequestApproved, RequestRejected, RequestReturned, RequestWithdrawn
from contracts.sync import NationalStandingChanged
from registry.enrolment import commands
from registry.enrolment.domain import Ending
from registry.student import commands as students


def hear(subscribers: Subscribers) -> None:
    """Let the subscribers hear what enrolment acts on."""

    @subscribers.hear(topics.DECISION, RequestApproved, RequestReturned, RequestRejected, RequestWithdrawn)
    async def decide(tx: Tx, decisions: Sequence[Received[Ending]]) -> None:
        """What review has decided is done to the pupils."""
        await commands.apply_decisions(tx, decisions)

    @subscribers.hear(topics.PHOTO, PhotoChanged)
    async def note_photos(tx: Tx, photos: Sequence[Received[PhotoChanged]]) -> None:
        """Pupils show the photo that photo has of them."""
        await students.note_photos(tx, {received.subject: received.event for received in photos})

    @subscribers.ended(topics.PHOTO)
    async def forget_photos(tx: Tx, ended: Sequence[Received[None]]) -> None:
        """Pupils of whom photo has nothing any more show none."""
        await students.note_photos(tx, {received.subject: None for received in ended})

    @subscribers.hear(topics.OUTCOME, NationalStandingChanged)
    async def note_standings(tx: Tx, answers: Sequence[Received[NationalStandingChanged]]) -> None:
        """Pupils show what the nation has answered, and bear the number that it gave."""
        await commands.note_outcomes(tx, {received.subject: received.event for received in answers})
