"""Schools and rosters as large as a benchmark needs, founded and filled as the sample county is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local_stack.layout import read_json
from sample.clients import Person, Services
from sample.county import AUTHORITY_SEATS, Founding, SchoolPlan, Seat, keep_window_open, province
from sample.roster import roster, write_workbook
from sample.words import COUNTY
from tests.harness.whole import WholeStack

CLASS_SIZE = 45
MOST_CLASSES = 90


@dataclass(frozen=True, slots=True)
class Filled:
    """A school, who works for it, and its roster."""

    id: str
    registrar: Person
    officer: Person
    workbook: bytes
    pupils: int


async def fill(stack: WholeStack, services: Services, pupils: int, folder: Path) -> Sequence[Filled]:
    """Schools for so many pupils, with approved plans, classes and a workbook each; all rows are good."""
    accounts = stack.accounts
    first = read_json(Path(stack.about()["first_account"]))
    founder = await province(services, accounts, first)
    founding = Founding(services, accounts, founder)
    await founding.authorities()
    officer = await accounts.enter(services, AUTHORITY_SEATS["county"][0].login)
    await keep_window_open(founder, founding.ids["county"])
    filled = []
    for number in range(-(-pupils // (CLASS_SIZE * MOST_CLASSES))):
        here = min(pupils - number * CLASS_SIZE * MOST_CLASSES, CLASS_SIZE * MOST_CLASSES)
        plan = SchoolPlan(
            code=f"2134019{number:03}",
            name=f"测速第{number + 1}小学",
            parent="county",
            authority="county",
            region=COUNTY,
            category="211",
            stage="primary",
            classes=[None] * -(-here // CLASS_SIZE),
            seats=(Seat(f"bench{number}.registrar", "school.registrar", f"测速第{number + 1}小学学籍管理员"),),
        )
        school = await founding.school(plan)
        made = roster(number + 1, here, plan.code, school["classes"], founding.school_year, faults=False)
        for entered in made.entered:
            entered.row["情况说明"] = "照片由学校统一采集，随后补传。"
        file = folder / f"{number}.xlsx"
        write_workbook(made, file)
        registrar = await accounts.enter(services, plan.seats[0].login)
        filled.append(Filled(school["id"], registrar, officer, file.read_bytes(), here))
    return filled
