"""What sync hears."""

from collections.abc import Sequence

from chassis.consuming import Received, Subscribers
from chassis.identity.copies import hear_identity
from chassis.transaction import Tx
from contracts import topics
from contracts.national import NumberIssued, ProblemFound, RecordAccepted, RecordRejected
from contracts.photo import PhotoChanged
from contracts.registry import ClassChanged, StudentRecordChanged
from sync import commands
from sync.commands import AnyReceipt

subscribers = Subscribers("sync")
hear_identity(subscribers)


@subscribers.hear(topics.STUDENT_RECORD, StudentRecordChanged)
async def project(tx: Tx, records: Sequence[Received[StudentRecordChanged]]) -> None:
    await commands.project(tx, records)


@subscribers.ended(topics.STUDENT_RECORD)
async def end(tx: Tx, ended: Sequence[Received[None]]) -> None:
    await commands.end(tx, [received.subject for received in ended])


@subscribers.hear(topics.PHOTO, PhotoChanged)
async def show_photos(tx: Tx, photos: Sequence[Received[PhotoChanged]]) -> None:
    await commands.show_photos(
        tx, {received.subject: commands.photo_hash(received.event) for received in photos}, tx.now.date()
    )


@subscribers.ended(topics.PHOTO)
async def hide_photos(tx: Tx, ended: Sequence[Received[None]]) -> None:
    await commands.show_photos(tx, {received.subject: None for received in ended}, tx.now.date())


@subscribers.hear(topics.CLASS, ClassChanged)
async def copy_classes(tx: Tx, classes: Sequence[Received[ClassChanged]]) -> None:
    await commands.copy_classes(tx, classes)


@subscribers.ended(topics.CLASS)
async def forget_classes(tx: Tx, ended: Sequence[Received[None]]) -> None:
    await commands.forget_classes(tx, [received.subject for received in ended])


@subscribers.hear(topics.RECEIPT, RecordAccepted, RecordRejected, ProblemFound, NumberIssued)
async def take_receipts(tx: Tx, receipts: Sequence[Received[AnyReceipt]]) -> None:
    await commands.take_receipts(tx, receipts)
