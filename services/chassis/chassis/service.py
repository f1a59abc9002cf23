"""A service, wired: its HTTP application, and `python -m <service> api|worker|relay|…`."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI

from chassis.consuming import Subscribers
from chassis.http.application import application
from chassis.http.health import Check
from chassis.http.permission import Stands
from chassis.settings import ProcessSettings, ServiceSettings
from chassis.timing import Timer
from chassis.transaction import Builder, Database
from contracts.topics import Topic

if TYPE_CHECKING:
    import typer

    from chassis.sealing import Vault

Resources = Callable[[Any, Database, "Vault"], AbstractAsyncContextManager[Mapping[type, object]]]
"""(settings, database, vault) → what routes and timers ask for by type, for as long as the process runs."""


@asynccontextmanager
async def nothing(_settings: Any, _database: Database, _vault: "Vault") -> AsyncIterator[Mapping[type, object]]:
    """No resources beside those that every service has."""
    yield {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Everything that a service consists of."""

    name: str
    settings: type[ServiceSettings]
    subscribers: Subscribers
    builders: Mapping[Topic, Builder] = field(default_factory=dict)
    routers: Sequence[APIRouter] = ()
    timers: Sequence[Timer] = ()
    migrations: str = ""
    """The package whose `migrations/versions` are its schema; its own name when nothing is said."""
    resources: Resources = nothing
    stands: Callable[[Database], Stands] | None = None
    """Whether a token that was good still holds; by the copies of accounts where the service hears them."""
    commands: "typer.Typer | None" = None
    """Commands of its own, beside those that every service has."""

    @property
    def package(self) -> str:
        """The package that has the migrations."""
        return self.migrations or self.name

    def app(self, settings: ServiceSettings) -> FastAPI:
        """The HTTP application with its own database and resources, which live as long as its lifespan."""

        @asynccontextmanager
        async def living(app: FastAPI) -> AsyncIterator[None]:
            async with self.opened(settings) as (database, resources):
                self.furnish(app, database, resources)
                yield

        return self.application(settings, lifespan=living)

    def application(
        self,
        settings: ProcessSettings,
        *,
        lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
        checks: Sequence[Check] = (),
        serves: bool = True,
    ) -> FastAPI:
        """The application; without its routes, but with health and metrics, where `serves` is false."""
        return application(
            self.name,
            settings,
            routers=self.routers if serves else (),
            lifespan=lifespan,
            checks=checks,
            publishes=serves,
        )

    def furnish(self, app: FastAPI, database: Database, resources: Mapping[type, object]) -> None:
        """Give the application what its routes ask for."""
        from chassis.identity import TokenVerifier, copies

        app.state.database = database
        app.state.resources = resources
        app.state.verifier = TokenVerifier(database.settings)
        if self.stands is not None:
            app.state.stands = self.stands(database)
        elif copies.are_heard_by(self.subscribers):
            app.state.stands = copies.stands(database)

    @asynccontextmanager
    async def opened(self, settings: ServiceSettings) -> AsyncIterator[tuple[Database, Mapping[type, object]]]:
        """The database and the resources of a process, closed at the end."""
        from chassis.sealing import Vault

        database = Database(settings, builders=self.builders)
        try:
            async with self.resources(settings, database, database.vault) as own:
                yield (
                    database,
                    {type(settings): settings, Vault: database.vault, Database: database, **own},
                )
        finally:
            await database.close()

    def main(self) -> None:
        """`python -m <service>`: run the command that the arguments name; exits with its code."""
        from chassis.running.commands import commands_of

        commands_of(self)()
