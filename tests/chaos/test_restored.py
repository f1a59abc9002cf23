"""A service's database is restored from a backup while topics and readers are ahead: a new epoch heals it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from chassis import parked
from chassis.auditor import audit
from chassis.respeaking import begin_epoch
from services.chassis.tests.conftest import Asked
from services.chassis.tests.rig import new_subjects, running
from tests.chaos.conftest import MakeRig
from tests.chaos.dumping import plain, tool
from tests.chaos.network.pair import Pair, pair
from tests.harness.eventually import eventually


async def test_a_restored_backup_is_told_and_a_new_epoch_heals_both_sides(make_rig: MakeRig, tmp_path: Path) -> None:
    """What was said after the backup is lost to its speaker, and heard by others: theirs becomes what hers is."""
    backup, made = tmp_path / "backup", await Pair(await make_rig()).start()
    rig, lost = made.rig, new_subjects(3)
    async with pair_running(made):
        for _ in range(2):
            await made.speak()
        await made.everything_arrives()
        await tool("pg_dump", "--format=custom", f"--file={backup}", plain(rig.maker_dsn))
        for _ in range(3):
            await made.speak()
        await rig.touch(rig.topics.thing, dict.fromkeys(lost, 7))
        await made.everything_arrives()
        await eventually(partial(last_state_is, made, lost, 7), within=30)

    await rig.maker.engine.dispose()
    await made.maker.engine.dispose()
    await tool("pg_restore", "--clean", "--if-exists", "--single-transaction", "--no-owner",
               f"--dbname={plain(rig.maker_dsn)}", str(backup))  # fmt: skip
    report = await audit(rig.maker, rig.topics.thing.name, repair=False)
    assert (report.ahead, report.ghosts) == (len(made.subjects), len(lost))

    assert await begin_epoch(rig.maker) == 2
    async with pair_running(made):
        # The restored states win over the newer ones of the former life.
        await eventually(partial(last_state_is, made, made.subjects, 2), within=60)
        for subject in made.subjects:
            async with rig.maker.transaction() as tx:
                tx.say(subject, Asked(number=0))
        await rig.touch(rig.topics.thing, dict.fromkeys(made.subjects, 9))
        await eventually(partial(last_state_is, made, made.subjects, 9), within=60)

        async def healed() -> bool:
            found = await made.effects()
            # Three facts of the former life, then the one that follows the backup's two, in the new epoch.
            assert {tuple(found[each][0]) for each in made.subjects} == {(1, 2, 3, 4, 5, 3)}
            return True

        await eventually(healed, within=30)
    assert await parked.list_parked(rig.taker) == []
    await made.stop()


async def test_without_a_new_epoch_the_same_version_with_other_bytes_is_told(make_rig: MakeRig) -> None:
    """The control: who forgets `restored` is told by its readers, and nothing of it is applied in silence."""
    async with pair(await make_rig()) as made:
        for _ in range(3):
            await made.speak()
        await made.everything_arrives()
        async with made.rig.maker.transaction() as tx:
            await tx.execute(text("DELETE FROM outbox WHERE version = 3"))
            await tx.execute(text("UPDATE counter SET version = 2"))
        await made.rig.touch(made.rig.topics.thing, dict.fromkeys(made.subjects, 100))

        async def is_told() -> bool:
            found = await parked.list_parked(made.rig.taker, limit=100)
            return [each.reason for each in found] == ["conflict"] * len(made.subjects)

        await eventually(is_told, within=30)
        assert not await last_state_is(made, made.subjects, 100)


async def last_state_is(made: Pair, subjects: list[UUID], number: int) -> bool:
    """Whether the last state of each that had an effect says this number."""
    async with made.rig.taker.snapshot() as tx:
        rows = await tx.rows(
            text(
                "SELECT DISTINCT ON (subject) subject, number FROM effect WHERE number > 0 AND subject = ANY(:s)"
                " ORDER BY subject, n DESC"
            ),
            {"s": subjects},
        )
    return {row.subject: row.number for row in rows} == dict.fromkeys(subjects, number)


@asynccontextmanager
async def pair_running(made: Pair) -> AsyncIterator[None]:
    """Its relay and its listeners, until the block ends."""
    async with running(*made.parts()):
        yield
