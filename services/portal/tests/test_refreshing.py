"""Pages that refresh themselves while a worker is busy: they stay where they were, and take nothing away."""

from collections.abc import Callable

import httpx2

from services.portal.tests.people import ARCHIVE, IMPORT
from services.portal.tests.reading import Page
from services.portal.tests.services import Services, recorded, refusal

Browse = Callable[[str | None], httpx2.AsyncClient]


def an_archive_under_way(services: Services) -> None:
    """The recorded archive, not yet done."""
    archive = recorded("routes")[f"GET photo/v1/archives/{ARCHIVE}"]
    services.give(f"GET photo/v1/archives/{ARCHIVE}", {**archive, "state": "running"})


def refreshes(page: Page) -> set[str]:
    """Where the page goes by itself, with and without scripts."""
    without = [each["content"].partition("url=")[2] for each in page.all("meta", **{"http-equiv": "refresh"})]
    return {*without, *(each["hx-get"] for each in page.all("div") if "hx-get" in each)}


async def test_an_archive_refreshes_with_the_list_that_is_looked_at(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    an_archive_under_way(services)
    page = Page((await client.get(f"/photos/archives/{ARCHIVE}?result=ambiguous&page=2")).text)
    assert refreshes(page) == {f"/photos/archives/{ARCHIVE}?result=ambiguous&page=2"}


async def test_an_archive_stays_still_while_a_file_is_matched(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    an_archive_under_way(services)
    page = Page((await client.get(f"/photos/archives/{ARCHIVE}?number=2")).text)
    assert refreshes(page) == set()
    assert "本页自动刷新" not in page.text


async def test_a_refused_run_of_an_import_refreshes_at_an_address_that_can_be_looked_at(
    browse: Browse, services: Services
) -> None:
    client = browse("registrar")
    one = recorded("routes")[f"GET registry/v1/imports/{IMPORT}"]
    services.give(f"GET registry/v1/imports/{IMPORT}", {**one, "state": "running"})
    services.give(f"POST registry/v1/imports/{IMPORT}/run", refusal(409, "import-busy", "该文件正在导入。"))
    response = await client.post(f"/imports/{IMPORT}/run")
    assert "该文件正在导入。" in response.text
    assert refreshes(Page(response.text)) == {f"/imports/{IMPORT}"}
