"""Wiring: `python -m registry api|worker|relay|migrate|all|found-province|…`."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import typer

from chassis.consuming import Subscribers
from chassis.identity import TokenIssuer
from chassis.objects import opened
from chassis.sealing import Vault
from chassis.service import Service
from chassis.transaction import Builder, Database
from contracts import topics
from contracts.topics import Topic
from registry import desk, founding
from registry.account import api as account_api
from registry.account import queries as accounts
from registry.account import timers as account_timers
from registry.account.passwords import Passwords
from registry.calendar import api as calendar_api
from registry.calendar import queries as calendars
from registry.classes import api as classes_api
from registry.classes import queries as classes
from registry.enrolment import api as enrolment_api
from registry.enrolment import queries as enrolment
from registry.enrolment import subscribers as enrolment_subscribers
from registry.importing import api as importing_api
from registry.importing import queries as imports
from registry.importing import timers as importing_timers
from registry.importing.jobs import ImportJob
from registry.importing.storage import Inbox
from registry.organisation import api as organisation_api
from registry.organisation import queries as organisations
from registry.settings import RegistrySettings
from registry.student import api as student_api
from registry.student import queries as students
from registry.student import timers as student_timers
from registry.student.files import Files

BUILDERS: Mapping[Topic, Builder] = {
    topics.ORGANISATION: organisations.changed,
    topics.ACCOUNT: accounts.changed,
    topics.CALENDAR: calendars.changed,
    topics.CLASS: classes.changed,
    topics.STUDENT: students.changed,
    topics.STUDENT_RECORD: students.records_changed,
}
"""Topic → who reads the state that is said on it."""

DESK = (calendars.desk, classes.desk, students.desk, enrolment.desk, imports.desk)
"""Who contributes counts to the work desk."""

ROUTERS = (
    account_api.sessions,
    organisation_api.router,
    account_api.router,
    calendar_api.router,
    classes_api.router,
    importing_api.router,
    *student_api.ROUTERS,
    *enrolment_api.ROUTERS,
    desk.desk(DESK),
)

TIMERS = (
    account_timers.forget,
    importing_timers.work_imports,
    importing_timers.forget_imports,
    student_timers.sweep_evidence,
)

subscribers = Subscribers("registry")
enrolment_subscribers.hear(subscribers)

commands = typer.Typer()
founding.register(commands, BUILDERS)


@asynccontextmanager
async def resources(
    settings: RegistrySettings, database: Database, vault: Vault
) -> AsyncIterator[Mapping[type, object]]:
    """What routes of registry ask for beside the database."""
    store = opened(settings.objects_url)
    inbox = Inbox(store, vault)
    yield {
        RegistrySettings: settings,
        Files: Files(store, vault),
        Inbox: inbox,
        ImportJob: ImportJob(database, vault, inbox, settings.keys),
        Passwords: Passwords(),
        TokenIssuer: TokenIssuer(settings),
    }


service = Service(
    name="registry",
    settings=RegistrySettings,
    subscribers=subscribers,
    builders=BUILDERS,
    routers=ROUTERS,
    timers=TIMERS,
    migrations="registry",
    resources=resources,
    stands=accounts.stands,
    commands=commands,
)
