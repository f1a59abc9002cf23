"""Files on their way through the portal: handed on as they come, named by us, refused in the services' words."""

from collections.abc import AsyncIterator, Callable

import httpx2
import pytest

from services.portal.tests.people import ARCHIVE, CASE, EVIDENCE, IMPORT, PUPIL
from services.portal.tests.services import Services, refusal

Browse = Callable[[str | None], httpx2.AsyncClient]
BOUNDARY = "multipart/form-data; boundary=xyz"
BODY = b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.xlsx"\r\n\r\nPK\x03\x04\r\n--xyz--\r\n'
UPLOADS = {
    "/imports": ("POST registry/v1/imports", f"/imports/{IMPORT}"),
    f"/students/{PUPIL}/photo": (f"PUT photo/v1/students/{PUPIL}/photo", f"/students/{PUPIL}/photo?done=photo-taken"),
    "/photos/archives": ("POST photo/v1/archives", f"/photos/archives/{ARCHIVE}"),
    f"/students/{PUPIL}/evidence": (
        f"POST registry/v1/students/{PUPIL}/evidence",
        f"/students/{PUPIL}?done=evidence-added",
    ),
}


@pytest.mark.parametrize("path", UPLOADS)
async def test_an_upload_is_handed_on_as_it_came(browse: Browse, services: Services, path: str) -> None:
    route, onward = UPLOADS[path]

    async def in_pieces() -> AsyncIterator[bytes]:
        for place in range(0, len(BODY), 7):
            yield BODY[place : place + 7]

    response = await browse("registrar").post(path, content=in_pieces(), headers={"content-type": BOUNDARY})
    assert response.status_code == 303
    assert response.headers["location"] == onward
    (asked,) = services.asked_of(route)
    assert asked.content == BODY
    assert asked.headers["content-type"] == BOUNDARY


@pytest.mark.parametrize("path", UPLOADS)
async def test_a_refused_file_is_told_on_the_page_it_was_chosen_on(
    browse: Browse, services: Services, path: str
) -> None:
    client = browse("registrar")
    sentence = "文件不完整或已损坏，无法打开。请重新导出后上传。"
    services.give(UPLOADS[path][0], refusal(422, "damaged", sentence))
    response = await client.post(path, content=BODY, headers={"content-type": BOUNDARY})
    assert response.status_code == 422
    assert sentence in response.text
    assert 'type="file"' in response.text


async def test_a_form_without_a_file_is_told_so(browse: Browse, services: Services) -> None:
    response = await browse("registrar").post("/imports", data={"file": ""})
    assert "没有收到文件。请选择文件后再上传。" in response.text
    assert services.asked_of("POST registry/v1/imports") == []


async def test_a_form_that_is_too_large_is_refused_in_words(browse: Browse) -> None:
    response = await browse("registrar").post("/students/search", content=b"q=" + b"a" * 1_100_000)
    assert response.status_code == 413
    assert "超过大小上限" in response.text


async def test_a_form_of_too_many_fields_is_refused_before_anything_is_asked(
    browse: Browse, services: Services
) -> None:
    client = browse("registrar")
    names = "&".join(f"a{number}=1" for number in range(2_001))
    kinds = {"application/x-www-form-urlencoded": names, "multipart/form-data; boundary=x": _parts(2_001)}
    for kind, content in kinds.items():
        response = await client.post("/students/search", content=content, headers={"content-type": kind})
        assert response.status_code == 400, kind
    assert services.asked_of("POST registry/v1/students/search") == []


def _parts(number: int) -> str:
    part = '--x\r\nContent-Disposition: form-data; name="a{}"\r\n\r\n1\r\n'
    return "".join(part.format(each) for each in range(number)) + "--x--\r\n"


@pytest.mark.parametrize(
    ("path", "route", "name"),
    [
        ("/imports/template.xlsx", "GET registry/v1/imports/template.xlsx", "xinsheng-moban.xlsx"),
        (f"/imports/{IMPORT}/failures.xlsx", f"GET registry/v1/imports/{IMPORT}/failures.xlsx", "wei-daoru-hang.xlsx"),
        ("/students/export.xlsx", "GET registry/v1/students/export.xlsx", "huamingce.xlsx"),
        (f"/evidence/{EVIDENCE}", f"GET registry/v1/evidence/{EVIDENCE}", "zuozheng.bin"),
        (f"/cases/{CASE}/evidence/{EVIDENCE}", f"GET registry/v1/requests/{CASE}/evidence/{EVIDENCE}", "zuozheng.bin"),
    ],
)
async def test_a_file_is_an_attachment_under_a_name_of_ours(
    browse: Browse, services: Services, path: str, route: str, name: str
) -> None:
    client = browse("registrar")
    services.give(route, b"PK content")
    response = await client.get(path)
    assert response.content == b"PK content"
    assert response.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert response.headers["cache-control"] == "no-store"


async def test_a_file_that_is_refused_is_a_page_with_the_reason(browse: Browse, services: Services) -> None:
    client = browse("officer")
    sentence = "您的账号无权下载该导入的未导入行。如确需办理，请联系上级主管单位。"
    services.give(f"GET registry/v1/imports/{IMPORT}/failures.xlsx", refusal(403, "not-allowed", sentence))
    response = await client.get(f"/imports/{IMPORT}/failures.xlsx")
    assert response.status_code == 403
    assert sentence in response.text


async def test_a_photo_is_never_kept_by_a_browser(browse: Browse) -> None:
    response = await browse("officer").get(f"/students/{PUPIL}/photo.jpg")
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"] == "image/jpeg"
    assert CASE not in str(response.headers)
