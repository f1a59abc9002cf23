"""`python -m sample`: the sample county and the main job on a running stack, and rosters to try things with."""

import asyncio
import hashlib
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from openpyxl import load_workbook
from rich.console import Console

from chassis.clock import now
from local_stack.launcher import default_folder
from local_stack.layout import read_json, write_json
from local_stack.refusing import NO_ROSTER
from sample import county as counties
from sample.accounts import Accounts
from sample.clients import Person, Refused, Services, StillAwayError
from sample.journey import Journey, JourneyStoppedError, Notes, Papers
from sample.portraits import write_archive
from sample.progress import Bars
from sample.reckoning import Reckoning
from sample.roster import roster as make_roster
from sample.roster import write_workbook

PUPILS = 300
SEED = 1

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
console = Console(highlight=False, soft_wrap=True)


def _default_stack() -> Path:
    return default_folder() / "stack.json"


def _school_year() -> int:
    """The one that today falls into; it begins on 1 August. Source: art. 18."""
    today = now()
    return today.year if today.month >= 8 else today.year - 1


Stack = Annotated[
    Path, typer.Option("--stack", envvar="STACK_JSON", help="stack.json of the stack.", default_factory=_default_stack)
]


@app.command("county")
def found_county(stack: Stack) -> None:
    """Found the sample county through the services' interfaces; what is there stays."""

    async def act(about: dict[str, Any], services: Services, accounts: Accounts) -> None:
        console.print("Founding the sample county …" if not accounts.founded else "The sample county stands.")
        if await counties.found(services, accounts, read_json(Path(about["first_account"]))):
            schools = "、".join(school["name"] for school in accounts.founded["schools"].values())
            console.print(f"Founded: 合肥市教育局、长丰县教育局、{schools}.")
        founder = await accounts.enter(services, next(iter(accounts.people)))
        for place in ("city", "county"):
            until = await counties.keep_window_open(founder, accounts.founded[place])
            if until:
                console.print(f"Today lies outside the season of entry: the province extended it until {until}.")

    _run(stack, act)


@app.command()
def journey(
    stack: Stack,
    roster: Annotated[Path | None, typer.Option(help="A roster of your own.")] = None,
    photos: Annotated[Path | None, typer.Option(help="A ZIP of photos for it.")] = None,
    school: Annotated[str | None, typer.Option(help="学校标识码 of the school that brings your roster.")] = None,
    pupils: Annotated[int, typer.Option(help="Rows of the generated roster.")] = PUPILS,
    seed: Annotated[int, typer.Option(help="Another seed is another roster.")] = SEED,
) -> None:
    """Take a roster from Excel to the nation's receipts, and show what became of every row."""

    async def act(about: dict[str, Any], services: Services, accounts: Accounts) -> None:
        folder = Path(about["accounts"]).parent / "sample"
        folder.mkdir(exist_ok=True)
        papers, school_code = _papers(folder, accounts, Own(roster, photos, school), pupils, seed)
        kept = folder / f"journey-{hashlib.sha256(papers.roster).hexdigest()[:16]}.json"
        known = read_json(kept)
        if "reckoning" in known:
            found = Reckoning.from_json(known["reckoning"])
            found.show(console, f"{papers.roster_name} has made its way on this stack already; nothing is done twice:")
        else:
            registrar, officer = await _people(services, accounts, school_code)
            console.print(f"{papers.roster_name} → {registrar.organisation['name']}")
            with Bars(console) as bars:
                trip = Journey(
                    registrar,
                    officer,
                    papers,
                    bars,
                    keep=lambda notes: write_json(kept, asdict(notes)),
                    notes=Notes(**known),
                )
                found = await trip.run()
            found.show(console, f"What became of {papers.roster_name}")
            if not found.differences():
                write_json(kept, {**asdict(trip.notes), "reckoning": found.to_json()})
        differences = found.differences()
        if differences:
            raise JourneyStoppedError("It does not add up: " + "; ".join(differences) + ".")
        console.print("It adds up.")

    _run(stack, act)


@app.command("roster")
def write_roster(
    workbook: Annotated[Path, typer.Argument(help="The .xlsx to write.")],
    year: Annotated[
        int, typer.Option(help="Year of entry.", show_default="this school year's", default_factory=_school_year)
    ],
    photos: Annotated[Path | None, typer.Option(help="The ZIP of photos to write.")] = None,
    pupils: Annotated[int, typer.Option(help="How many rows.")] = 50,
    seed: Annotated[int, typer.Option(help="Another seed is another roster.")] = 2,
    school: Annotated[str, typer.Option(help="学校标识码.")] = counties.SCHOOLS[0].code,
    classes: Annotated[int, typer.Option(help="Classes 1 to this one are filled.")] = 7,
) -> None:
    """Write a roster, and photos for it, to try the portal with."""
    numbers = [f"{year}1{number:02}" for number in range(1, classes + 1)]
    made = make_roster(seed, pupils, school, numbers, year)
    write_workbook(made, workbook)
    if photos is not None:
        write_archive(made, photos)
    console.print(f"{workbook}: {pupils} rows for school {school}" + (f", photos in {photos}" if photos else ""))


@dataclass(frozen=True, slots=True)
class Own:
    """What the person at the keyboard brings herself."""

    roster: Path | None
    photos: Path | None
    school: str | None


def _papers(folder: Path, accounts: Accounts, own: Own, pupils: int, seed: int) -> tuple[Papers, str]:
    """The files and the 学校标识码 of the school whose registrar brings them. Raises JourneyStoppedError."""
    if not accounts.founded:
        raise JourneyStoppedError("The sample county is not there yet: found it with `python -m sample county` first.")
    if own.roster is not None:
        photos = own.photos.read_bytes() if own.photos else None
        return Papers(own.roster.name, own.roster.read_bytes(), photos), _school_of(own.roster, own.school, accounts)
    if own.photos or own.school:
        raise JourneyStoppedError(NO_ROSTER)
    code = counties.SCHOOLS[0].code
    book, archive = folder / f"roster-{seed}-{pupils}.xlsx", folder / f"photos-{seed}-{pupils}.zip"
    if not (book.exists() and archive.exists()):
        console.print(f"Drawing {pupils} pupils …")
        founded = accounts.founded
        made = make_roster(seed, pupils, code, founded["schools"][code]["classes"], founded["school_year"])
        write_archive(made, archive)
        write_workbook(made, book)
    return Papers("roster.xlsx", book.read_bytes(), archive.read_bytes()), code


def _school_of(file: Path, named: str | None, accounts: Accounts) -> str:
    """The school that is named, else the first 学校标识码 of the sheet that is one of ours, else the centre school's.

    Raises JourneyStoppedError for a school that is not of the county, and for a file in which no code can be looked up.
    """
    known = accounts.founded["schools"]
    ours = "、".join(f"{code} {school['name']}" for code, school in known.items())
    if named is not None:
        if named not in known:
            raise JourneyStoppedError(f"No school {named} is in the sample county: name one of {ours}.")
        return named
    if file.suffix.lower() != ".xlsx":
        raise JourneyStoppedError(
            f"Only an .xlsx says by itself whose it is; say which school brings {file.name} "
            f"(--school, or SCHOOL= of `make run`): {ours}."
        )
    with suppress(Exception):  # what is wrong with the file, registry says better
        sheet = load_workbook(file, read_only=True).worksheets[0]
        for row in sheet.iter_rows(max_row=50, values_only=True):
            for cell in row:
                if str(cell).strip() in known:
                    return str(cell).strip()
    return counties.SCHOOLS[0].code


async def _people(services: Services, accounts: Accounts, school_code: str) -> tuple[Person, Person]:
    """The school's registrar and the officer of its 主管单位."""
    plan = next(plan for plan in counties.SCHOOLS if plan.code == school_code)
    registrar = await accounts.enter(services, plan.seats[0].login)
    officer = await accounts.enter(services, counties.AUTHORITY_SEATS[plan.authority][0].login)
    return registrar, officer


def _run(stack: Path, act: Callable[[dict[str, Any], Services, Accounts], Awaitable[None]]) -> None:
    about = read_json(stack)
    if "services" not in about:
        console.print(f"No stack runs here ({stack}): start one with `make run`.")
        raise typer.Exit(1)

    async def whole() -> None:
        async with Services({**about["services"], "portal": about["portal"]}) as services:
            await act(about, services, Accounts(Path(about["accounts"])))

    try:
        asyncio.run(whole())
    except (Refused, StillAwayError, JourneyStoppedError, OSError) as no:
        Console(stderr=True, highlight=False, soft_wrap=True).print(str(no), style="bold red", markup=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


if __name__ == "__main__":
    os.environ.setdefault("PYTHONIOENCODING", "utf-8")
    sys.exit(app())
