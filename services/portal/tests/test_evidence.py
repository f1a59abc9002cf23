"""佐证材料: what a file proves is told in words, to the school and to the reviewer."""

from collections.abc import Callable

import httpx2

from services.portal.tests.people import CASE, PUPIL
from services.portal.tests.reading import Page

Browse = Callable[[str | None], httpx2.AsyncClient]


async def test_the_kind_of_evidence_is_read_in_words(browse: Browse) -> None:
    for who, path in (("registrar", f"/students/{PUPIL}"), ("officer", f"/cases/{CASE}")):
        text = (await browse(who).get(path)).text
        assert "户口簿" in Page(text).text.replace("户口簿.jpg", "")
        assert "household-register" not in Page(text).text
