"""The schools of a load and who works there, founded over HTTP as the sample county is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local_stack.layout import read_json
from sample.accounts import Accounts
from sample.clients import Services
from sample.county import AUTHORITY_SEATS, Founding, SchoolPlan, Seat, keep_window_open, province
from sample.words import COUNTY
from tests.chaos.load.settings import LoadSettings
from tests.harness.whole import WholeStack


@dataclass(frozen=True, slots=True)
class School:
    """Where people work."""

    number: int
    id: str
    code: str
    classes: Sequence[str]
    entry_year: int
    registrar: str
    photographer: str
    """Logins."""


@dataclass(frozen=True, slots=True)
class Founded:
    """Everybody of a load."""

    schools: Sequence[School]
    officers: Sequence[str]
    accounts: Accounts


async def found(stack: WholeStack, settings: LoadSettings) -> Founded:
    """The schools and accounts; what is there already is found again."""
    accounts = stack.accounts
    async with Services(stack.urls) as services:
        founder = await province(services, accounts, read_json(Path(stack.about()["first_account"])))
        founding = Founding(services, accounts, founder)
        await founding.authorities()
        officers = [AUTHORITY_SEATS["county"][0].login]
        for number in range(2, settings.officers + 1):
            seat = Seat(f"changfeng.officer{number}", "authority.officer", f"长丰县审核员 第{number}位")
            await founding.account(seat, "county")
            officers.append(seat.login)
        await keep_window_open(founder, founding.ids["county"])
        schools = [await _school(founding, number, settings.classes) for number in range(settings.schools)]
        for login in (*officers, *(login for each in schools for login in (each.registrar, each.photographer))):
            await accounts.enter(services, login)  # everybody has a password of her own from now on
    return Founded(schools, officers, accounts)


async def _school(founding: Founding, number: int, classes: int) -> School:
    name = f"长丰县演练第{number + 1}小学"
    seats = (
        Seat(f"chaos{number}.registrar", "school.registrar", f"{name}学籍管理员"),
        Seat(f"chaos{number}.teacher", "school.teacher", f"{name}照片采集员"),
    )
    plan = SchoolPlan(
        f"2134018{number:03}", name, "county", "county", COUNTY, "211", "primary", [None] * classes, seats
    )
    made = await founding.school(plan)
    return School(number, made["id"], plan.code, made["classes"], founding.school_year, seats[0].login, seats[1].login)
