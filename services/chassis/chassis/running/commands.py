"""`python -m <service> …`: the roles, and what an operator asks for."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chassis import telemetry
from chassis.running.operating import REFUSED, operations
from chassis.settings import ServiceSettings, SettingsRefused

if TYPE_CHECKING:
    from chassis.service import Service


def commands_of(service: "Service") -> Callable[[], None]:
    """The command line of a service."""
    app = typer.Typer(
        name=service.name,
        help=f"Run {service.name}, or look after it. Settings are read from {_prefix(service)}* variables.",
        no_args_is_help=True,
        add_completion=False,
        # Local variables and messages of exceptions may hold what nobody may read.
        pretty_exceptions_enable=False,
    )
    _roles(app, service)
    _schema(app, service)
    _descriptions(app, service)
    operations(app, service, settings_of)
    if service.commands is not None:
        for command in service.commands.registered_commands:
            app.registered_commands.append(command)
        for group in service.commands.registered_groups:
            app.registered_groups.append(group)

    def run() -> None:
        try:
            app()
        except SettingsRefused as refused:
            typer.echo(str(refused), err=True)
            sys.exit(REFUSED)

    return run


def settings_of(service: "Service") -> ServiceSettings:
    """The settings of the environment; logs and traces go where they say. Raises SettingsRefused."""
    settings = service.settings.read()
    telemetry.configure(service.name, settings)
    return settings


def _prefix(service: "Service") -> str:
    return str(service.settings.model_config.get("env_prefix", ""))


def _roles(app: typer.Typer, service: "Service") -> None:
    def process(name: str) -> None:
        from chassis import serving
        from chassis.running.process import Role, preload, run

        settings, role = service.settings.read(), Role(name)
        preload(service, role)
        serving.process(service.name, settings, lambda: run(service, settings, role))

    @app.command()
    def api() -> None:
        """Answer HTTP. As many as requests need."""
        process("api")

    @app.command()
    def worker() -> None:
        """Hear events and run timers. At most as many as a topic has partitions; each with a REPLICA of its own."""
        process("worker")

    @app.command()
    def relay() -> None:
        """Send what was said to Kafka. One leads, any other waits to take over."""
        process("relay")

    @app.command("all")
    def everything() -> None:
        """Answer HTTP, hear, run timers and send, in one process: for a laptop or a county."""
        process("all")


def _schema(app: typer.Typer, service: "Service") -> None:
    @app.command()
    def migrate() -> None:
        """Bring the database to the newest schema. Two at once wait for one another; nothing to do is no error."""
        from chassis.migrating import upgrade

        upgrade(settings_of(service).database, service.package)
        typer.echo(f"{service.name}: the schema is the newest")


def _descriptions(app: typer.Typer, service: "Service") -> None:
    Out = Annotated[Path | None, typer.Option(help="Write to this file instead of printing.")]  # noqa: N806 - a type

    @app.command()
    def openapi(out: Out = None) -> None:
        """Print what the service answers over HTTP, as OpenAPI in JSON."""
        from chassis.running.describing import openapi_text

        _give(openapi_text(service), out)

    @app.command()
    def asyncapi(out: Out = None) -> None:
        """Print what the service says and hears, as AsyncAPI in YAML."""
        from chassis.running.describing import asyncapi_text

        _give(asyncapi_text(service), out)


def _give(text: str, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(text)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, "utf-8")
