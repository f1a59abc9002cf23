"""`python -m local_stack`: the stack of a laptop."""

import asyncio
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from local_stack.launcher import default_folder, up
from local_stack.layout import Layout
from local_stack.plan import PORTAL_PORT, Choices
from local_stack.refusing import NO_ROSTER, CannotStartError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)

Folder = Annotated[Path, typer.Option(help="Where the stack keeps its data.", default_factory=default_folder)]


@app.command("up")
def start(
    folder: Folder,
    portal_port: Annotated[int, typer.Option(envvar="PORTAL_PORT", help="Port of the portal.")] = PORTAL_PORT,
    roster: Annotated[Path | None, typer.Option(help="A roster of your own for the main job.")] = None,
    photos: Annotated[Path | None, typer.Option(help="A ZIP of photos for it.")] = None,
    school: Annotated[str | None, typer.Option(help="学校标识码 of the school that brings your roster.")] = None,
    split: Annotated[bool, typer.Option(help="Each service as api, worker and relay processes.")] = False,
    servers_only: Annotated[bool, typer.Option(help="PostgreSQL and Kafka only.")] = False,
    journey: Annotated[bool, typer.Option(help="Found the sample county and run the main job.")] = True,
) -> None:
    """Start everything, run the main job, keep it running until Ctrl-C."""
    layout = Layout(folder.resolve())
    then = []
    if journey and not servers_only:
        words = [f"--{name}={file.resolve()}" for name, file in (("roster", roster), ("photos", photos)) if file]
        words += [f"--school={school}"] if school else []
        then = [[sys.executable, "-m", "sample", "county"], [sys.executable, "-m", "sample", "journey", *words]]
    choices = Choices(portal_port=portal_port, split=split, servers_only=servers_only)
    try:
        if roster is None and (photos or school):
            raise CannotStartError(NO_ROSTER)
        for file in (roster, photos):
            if file is not None and not file.is_file():
                raise CannotStartError(f"There is no file {file}: give the path of an existing one.")
        raise typer.Exit(asyncio.run(up(layout, choices, then)))
    except CannotStartError as refusal:
        typer.secho(str(refusal), err=True, fg="red")
        raise typer.Exit(1) from None


@app.command()
def prepare(
    keys: Annotated[Path, typer.Option(help="Folder with every secret, for this command alone.")],
    secrets: Annotated[Path, typer.Option(help="Folder with a folder for each program: what it may know.")],
    kafka: Annotated[str, typer.Option(help="Bootstrap addresses.")],
    host: Annotated[str, typer.Option(envvar="DATABASE_HOST", help="The PostgreSQL server.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="DATABASE_PORT")] = 5432,
    password: Annotated[str, typer.Option(envvar="DATABASE_PASSWORD", help="Of its superuser.")] = "",
) -> None:
    """Secrets, databases, topics and schemas on servers that run already; safe to run again."""
    from local_stack.postgres import Address
    from local_stack.preparing import prepare as act

    asyncio.run(act(keys, secrets, Address(host, port, password), kafka))
    typer.echo("Secrets, databases, topics and schemas are there.")


@app.command()
def clean(folder: Folder) -> None:
    """Remove the stack's data; what was fetched stays in the user's cache."""
    if not folder.exists():
        return
    try:
        held = Layout(folder.resolve()).lock()
        shutil.rmtree(folder)
        os.close(held)
    except CannotStartError as refusal:
        typer.secho(str(refusal), err=True, fg="red")
        raise typer.Exit(1) from None
    except OSError as error:
        typer.secho(f"{folder} cannot be removed ({error.strerror}): run as its owner.", err=True, fg="red")
        raise typer.Exit(1) from None
    typer.echo(f"Removed {folder}.")


@app.command()
def logs(
    folder: Folder, names: Annotated[list[str] | None, typer.Argument(help="Programs; all by default.")] = None
) -> None:
    """Follow the logs, each line with the name of its program."""
    places: dict[Path, int] = {}
    while True:
        for log in sorted(Layout(folder).logs.glob("*.log")):
            if names and log.stem not in names:
                continue
            with log.open("rb") as file:
                size = log.stat().st_size
                file.seek(min(places.get(log, max(0, size - 4096)), size))
                for line in file.read().decode("utf-8", "replace").splitlines():
                    typer.echo(f"{log.stem:>16} | {line}")
                places[log] = file.tell()
        time.sleep(0.3)


if __name__ == "__main__":
    app()
