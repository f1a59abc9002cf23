"""The journey of a roster at the screens, in real Chromium: import, photos, pre-review, submit, review, outcome."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from PIL import Image

from sample.county import AUTHORITY_SEATS, SCHOOLS
from sample.portraits import write_archive
from sample.roster import Roster, roster, write_workbook
from tests.browser.screens import Person
from tests.harness.whole import WholeStack

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]
SCHOOL = SCHOOLS[1]
REGISTRAR, OFFICER = SCHOOL.seats[0].login, AUTHORITY_SEATS[SCHOOL.authority][0].login
PUPILS = 6
Enter = Callable[..., Awaitable[Person]]


def papers(stack: WholeStack, folder: Path, seed: int) -> tuple[Roster, Path, Path]:
    """A roster of good rows, its workbook and the ZIP of its photos."""
    founded = stack.accounts.founded
    made = roster(
        seed, PUPILS, SCHOOL.code, founded["schools"][SCHOOL.code]["classes"], founded["school_year"], faults=False
    )
    write_workbook(made, folder / "roster.xlsx")
    write_archive(made, folder / "photos.zip")
    return made, folder / "roster.xlsx", folder / "photos.zip"


@pytest.mark.parametrize(("scripts", "seed"), [(True, 8105), (False, 8106)], ids=["scripts", "no-scripts"])
async def test_a_roster_travels_over_the_screens(
    enter: Enter, sample_county: WholeStack, tmp_path: Path, *, scripts: bool, seed: int
) -> None:
    _, book, photos = papers(sample_county, tmp_path, seed)
    clerk = await enter(REGISTRAR, scripts=scripts)
    await import_roster(clerk, book)
    await send_photos(clerk, photos)
    submitted = await submit(clerk)
    reviewer = await enter(OFFICER, scripts=scripts)
    await review(reviewer, submitted)
    register = tmp_path / "register.png"
    Image.new("RGB", (60, 40)).save(register)
    await outcome(clerk, register)
    assert clerk.complaints + reviewer.complaints == []


async def import_roster(clerk: Person, book: Path) -> None:
    await clerk.choose("Excel导入")
    await clerk.send(book)
    await clerk.press("上传并检查")
    await clerk.sees("试检查结果（尚未导入任何数据）")
    await clerk.sees(f"{PUPILS} 行 = 新增 {PUPILS} + 更新 0 + 无变化 0 + 重复 0 + 未通过 0")
    await clerk.look()
    await clerk.press(f"导入通过检查的 {PUPILS} 行")
    await clerk.sees("下一步：预审核")
    await clerk.look()


async def send_photos(clerk: Person, photos: Path) -> None:
    await clerk.choose("照片采集")
    await clerk.press("上传照片压缩包")
    await clerk.send(photos)
    await clerk.press("上传并处理")
    # Two files in the sample's ZIP are nobody's: one names a stranger, one is no photo.
    await clerk.sees(f"{PUPILS + 2} 张 = 已采用 {PUPILS} + 待匹配 0 + 未匹配 1 + 不合格 1")
    await clerk.look()


async def submit(clerk: Person) -> int:
    """How many were submitted: the new ones, and who was returned in an earlier journey."""
    await clerk.choose("预审核与提交")
    await clerk.reloads_until("需修改 0")
    offered = await clerk.page.get_by_role("link", name="提交全部可提交学生").inner_text()
    ready = int(offered.split("（")[1].rstrip("）"))
    assert ready >= PUPILS
    await clerk.press("提交全部可提交学生")
    await clerk.look()
    await clerk.press(f"确认提交 {ready} 名学生")
    await clerk.sees(f"{ready} 名 = 已提交 {ready} + 未提交 0")
    await clerk.look()
    return ready


async def review(reviewer: Person, submitted: int) -> None:
    """One is returned with a reason, one approved on her page, the others together."""
    await reviewer.choose("学校进度")
    await reviewer.page.get_by_role("row", name=SCHOOL.name).get_by_role("link").last.click()
    await reviewer.reloads_until(f"共 {submitted} 条")
    await reviewer.page.locator("main table tbody th a").first.click()
    await reviewer.look()
    await reviewer.page.get_by_text("退回修改或不予通过").click()
    await reviewer.page.locator("input[name=reasons][value=other]").check()
    await reviewer.page.get_by_label("其他：说明").fill("请补充户口簿")
    await reviewer.look()
    await reviewer.press("退回修改")
    await reviewer.sees("已退回学校修改。")
    await reviewer.press("通过")
    await reviewer.sees("已审核通过。")
    school = reviewer.page.url.split("school=")[1].split("&")[0]
    await reviewer.go(f"/cases/batch?school={school}")
    await reviewer.tick_all("cases")
    await reviewer.press("审核勾选的审核件")
    await reviewer.look()
    left = submitted - 2
    await reviewer.press(f"确认通过 {left} 件")
    await reviewer.sees(f"{left} 件 = 已通过 {left} + 未通过 0")
    await reviewer.look()


async def outcome(clerk: Person, page_of_a_register: Path) -> None:
    """The returned pupil shows with the reason and gets the evidence that was asked for; the others are registered, and
    the nation has answered.
    """
    await clerk.choose("退回学生")
    await clerk.reloads_until("请补充户口簿")
    await clerk.page.locator("main table tbody th a").first.click()
    await clerk.page.get_by_label("种类").select_option(label="户口簿")
    await clerk.send(page_of_a_register)
    await clerk.press("上传佐证")
    await clerk.sees("佐证材料已上传。")
    await clerk.press("修改")
    await clerk.look()
    await clerk.choose("国家核验状态")
    await clerk.go("/students?status=registered")
    await clerk.reloads_until("国家已接收")
    await clerk.page.locator("main table tbody th a").first.click()
    await clerk.sees("国家核验")
    await clerk.look()
