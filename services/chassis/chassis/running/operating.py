"""What an operator asks for: say again, look after what is parked, verify the audit, compare topic and outbox."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar
from uuid import UUID

import typer

from contracts.refusal import Refusal

if TYPE_CHECKING:
    from chassis.auditing import Progress
    from chassis.parked import Replayed
    from chassis.service import Service
    from chassis.settings import ServiceSettings
    from chassis.transaction import Database

T = TypeVar("T")
FAILED = 1
REFUSED = 2
"""Exit codes: a command that failed or found something wrong; settings or arguments that cannot be used."""
_TOLD_EVERY = 10.0
"""Seconds from one word about a long look to the next."""
TopicName = Annotated[str, typer.Argument(metavar="TOPIC", help="Name of a topic, as in contracts.topics.")]
ParkedId = Annotated[UUID, typer.Argument(metavar="ID", help="Id of a parked record, as `parked list` prints it.")]


def operations(app: typer.Typer, service: "Service", settings_of: "Callable[[Service], ServiceSettings]") -> None:
    """Add the commands that need the service's database for a moment."""
    asked = _Asked(service, settings_of)
    _say_again(app, asked)
    _parked(app, asked)
    _audit(app, asked)


class _Asked:
    """Opens the database for one question."""

    def __init__(self, service: "Service", settings_of: "Callable[[Service], ServiceSettings]") -> None:
        self.service = service
        self._settings_of = settings_of

    def ask(self, act: "Callable[[Database], Awaitable[T]]") -> T:
        """The answer. A refusal ends the command with its sentence."""
        from chassis.transaction import Database

        settings = self._settings_of(self.service)

        async def work() -> T:
            database = Database(settings, builders=self.service.builders)
            try:
                return await act(database)
            finally:
                await database.close()

        try:
            return asyncio.run(work())
        except Refusal as refusal:
            _stop(refusal.sentence, FAILED)

    def topic(self, name: str, *, own: bool) -> str:
        """The name, if it is a topic that this service says (or, unless `own`, hears)."""
        from contracts.topics import BY_NAME

        topic = BY_NAME.get(name)
        if topic is None:
            _stop(f"{name} is no topic; known are {', '.join(BY_NAME)}.", REFUSED)
        if own and topic.writer != self.service.name:
            _stop(f"{name} is said by {topic.writer}: run python -m {topic.writer} there.", REFUSED)
        return name


def _stop(sentence: str, code: int) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(code)


def _say_again(app: typer.Typer, asked: _Asked) -> None:
    @app.command()
    def respeak(
        topic: TopicName,
        subjects: Annotated[
            list[UUID] | None, typer.Argument(metavar="[SUBJECT…]", help="All when none is named.")
        ] = None,
    ) -> None:
        """Say a topic again: of state the newest, of facts all. Hearing twice is harmless."""
        from chassis.respeaking import respeak as again

        name = asked.topic(topic, own=True)
        number = asked.ask(lambda database: again(database, name, subjects or ()))
        typer.echo(f"{number} records of {name} will be sent again by the relay")

    @app.command()
    def restored() -> None:
        """Begin a new epoch and say all state in it: once after a backup was restored, before anything else runs."""
        from chassis.respeaking import begin_epoch

        typer.echo(f"epoch {asked.ask(begin_epoch)}; the state of every subject will be sent by the relay")


def _parked(app: typer.Typer, asked: _Asked) -> None:
    group = typer.Typer(help="Look after records that could not be applied.", no_args_is_help=True)
    app.add_typer(group, name="parked")

    @group.command("list")
    def list_(
        topic: Annotated[str | None, typer.Option(help="Only of this topic.")] = None,
        settled: Annotated[bool, typer.Option(help="Also what was replayed, dropped or superseded.")] = False,
        limit: Annotated[int, typer.Option(min=1, max=10_000)] = 200,
    ) -> None:
        """List parked records, in the order in which they would be replayed. It prints no content."""
        from chassis.parked import list_parked

        found = asked.ask(lambda database: list_parked(database, topic, settled=settled, limit=limit))
        for each in found:
            place = f"{each.topic}/{each.partition}@{each.offset}"
            typer.echo(
                f"{each.id}  {each.state:<10}  {place}  {each.subject} {each.epoch}.{each.version}"
                f"  {each.type}  {each.reason}  {each.parked_at:%Y-%m-%d %H:%M}"
            )
        typer.echo(f"{len(found)} records", err=True)

    @group.command()
    def show(record: ParkedId) -> None:
        """Print a record with its content, which may be personal data. The look is audited."""
        from chassis.parked import show as look

        found = asked.ask(lambda database: look(database, record))
        for name, value in asdict(found.parked).items():
            typer.echo(f"{name}: {value}")
        for name, value in found.headers.items():
            typer.echo(f"{name}: {value}")
        typer.echo(found.body or "(no body)")

    @group.command()
    def correct(
        record: ParkedId,
        body: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="File with the corrected JSON.")],
    ) -> None:
        """Give a record another body; `parked replay` comes next."""
        from chassis.parked import correct as give

        text = body.read_text("utf-8")
        asked.ask(lambda database: give(database, record, text))
        typer.echo(f"{record} has another body: run parked replay {record}")

    @group.command()
    def replay(record: ParkedId) -> None:
        """Try a record, and everything parked of its subject, again, in order, until one fails."""
        from chassis.parked import replay as again

        _tell(asked.ask(lambda database: again(database, asked.service.subscribers, record)))

    @group.command()
    def drop(
        record: ParkedId,
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    ) -> None:
        """Give a record up for good; what stands behind it is replayed."""
        from chassis.parked import drop as give_up

        if not yes:
            typer.confirm(f"Give {record} up for good?", abort=True)
        _tell(asked.ask(lambda database: give_up(database, asked.service.subscribers, record)))


def _tell(outcomes: "Sequence[Replayed]") -> None:
    for each in outcomes:
        typer.echo(f"{each.id}  {each.outcome.value}  {each.reason or ''}".rstrip())
    if any(each.outcome.value == "parked" for each in outcomes):
        raise typer.Exit(FAILED)


async def _tell_how_far(progress: "Progress") -> None:
    while True:
        await asyncio.sleep(_TOLD_EVERY)
        typer.echo(f"{progress.entries:,} entries so far", err=True)


def _audit(app: typer.Typer, asked: _Asked) -> None:
    group = typer.Typer(help="Verify the audit, and compare what was said with what is there.", no_args_is_help=True)
    app.add_typer(group, name="audit")

    @group.command()
    def verify(
        kept: Annotated[
            Path | None, typer.Option(help="Heads of an earlier time (`audit heads`), kept elsewhere.")
        ] = None,
    ) -> None:
        """Verify the audit's 64 chains; exits with 1 when an entry was changed, removed, moved or added.

        It reads one snapshot page by page, prints what it finds as it finds it, and tells on stderr how far it is.
        """
        from chassis.auditing import Head, Progress, faults

        lines = kept.read_text("utf-8").split("\n") if kept else []
        try:
            heads = [
                Head(int(chain), int(seq), bytes.fromhex(digest))
                for chain, seq, digest in map(str.split, filter(None, lines))
            ]
        except ValueError:
            _stop(f"{kept} does not hold heads as `audit heads` prints them.", REFUSED)
        progress = Progress()

        async def look(database: "Database") -> int:
            found = 0
            telling = asyncio.create_task(_tell_how_far(progress))
            async for sentence in faults(database, heads, progress):
                typer.echo(sentence)
                found += 1
            telling.cancel()
            return found

        if found := asked.ask(look):
            typer.echo(f"{found} faults in {progress.entries:,} entries", err=True)
            raise typer.Exit(FAILED)
        typer.echo(f"the audit is as it was written: {progress.entries:,} entries")

    @group.command()
    def heads() -> None:
        """Print the ends of the chains, to be kept at another place."""
        from chassis.auditing import heads as ends

        for head in asked.ask(ends):
            typer.echo(f"{head.chain} {head.seq} {head.hash.hex()}")

    @group.command()
    def topic(
        name: TopicName,
        repair: Annotated[bool, typer.Option(help="Say again what the topic lacks.")] = True,
    ) -> None:
        """Compare a topic with the outbox; exits with 1 when they differ."""
        from chassis.auditor import audit

        own = asked.topic(name, own=True)
        report: Any = asked.ask(lambda database: audit(database, own, repair=repair))
        for field, value in asdict(report).items():
            typer.echo(f"{field}: {value}")
        if not report.is_clean:
            sys.exit(FAILED)
