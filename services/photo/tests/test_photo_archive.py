"""ZIPs as Windows tools, clerks and attackers make them."""

import io
import stat
import zipfile

import pytest

from photo import archive
from photo.archive import Archive
from photo.errors import ArchiveRefused

JPEG = b"\xff\xd8\xff\xe0 not decoded here"


def zipped(*files: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as target:
        for name, content in files:
            target.writestr(name, content)
    return out.getvalue()


def as_gbk(data: bytes, name: str) -> bytes:
    """The archive with a name in GBK and without the flag that says UTF-8, as Windows Explorer writes it."""
    utf8, gbk = name.encode("utf-8"), name.encode("gbk")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        info = zipfile.ZipInfo("x" * len(gbk))
        target.writestr(info, zipfile.ZipFile(io.BytesIO(data)).read(name))
    assert utf8 != gbk
    return out.getvalue().replace(b"x" * len(gbk), gbk)


def refused(data: bytes) -> str:
    with pytest.raises(ArchiveRefused) as caught:
        Archive(data)
    return caught.value.code


def test_members_are_numbered_and_read() -> None:
    opened = Archive(zipped(("349901202003150114.jpg", JPEG), ("一班/2134000001_2026101_张三.JPG", JPEG + b"2")))
    assert [(m.number, m.name, m.stem, m.trouble) for m in opened.members] == [
        (1, "349901202003150114.jpg", "349901202003150114", None),
        (2, "2134000001_2026101_张三.JPG", "2134000001_2026101_张三", None),
    ]
    assert opened.read(opened.members[1]) == JPEG + b"2"


def test_names_in_gbk_are_read() -> None:
    name = "2134000001_2026101_欧阳明月.jpg"
    opened = Archive(as_gbk(zipped((name, JPEG)), name))
    assert opened.members[0].name == name


def test_litter_is_passed_over_and_other_files_are_named() -> None:
    opened = Archive(zipped(("__MACOSX/._a.jpg", b""), ("Thumbs.db", b""), ("名单.xlsx", b"x"), ("a.jpg", JPEG)))
    assert [(m.name, m.trouble) for m in opened.members] == [("名单.xlsx", "file-not-a-photo"), ("a.jpg", None)]


@pytest.mark.parametrize("name", ["../../etc/cron.d/a.jpg", "/tmp/a.jpg", "C:\\windows\\a.jpg", "..\\a.jpg"])
def test_tricks_with_paths_are_refused_by_file(name: str) -> None:
    assert Archive(zipped((name, JPEG))).members[0].trouble == "file-name-unsafe"


def test_a_symbolic_link_is_refused_by_file() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        info = zipfile.ZipInfo("a.jpg")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        target.writestr(info, "/etc/passwd")
    assert Archive(out.getvalue()).members[0].trouble == "file-name-unsafe"


def test_a_member_that_inflates_without_end_is_not_read() -> None:
    opened = Archive(zipped(("a.jpg", b"\0" * 9_000_000)))
    assert opened.members[0].trouble == "photo-damaged"


def test_a_member_that_lies_about_its_size_is_cut_off_at_the_cap() -> None:
    honest = zipped(("a.jpg", bytes(range(256)) * 50_000), compression=zipfile.ZIP_STORED)
    size = (256 * 50_000).to_bytes(4, "little")
    lying = honest.replace(size, (1000).to_bytes(4, "little"))
    opened = Archive(lying)
    assert opened.read(opened.members[0]) in ("photo-damaged", "photo-too-large")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_packed_in_a_way_that_no_zip_program_uses_is_not_read(method: int) -> None:
    opened = Archive(zipped(("a.jpg", JPEG), compression=method))
    assert opened.members[0].trouble == opened.read(opened.members[0]) == "photo-damaged"


def test_archives_that_are_none_are_refused() -> None:
    assert refused(b"") == "archive-not-a-zip"
    assert refused(b"Rar!\x1a\x07\x00") == "archive-not-a-zip"
    assert refused(zipped()) == "archive-empty"
    assert refused(zipped(("folder/", b""))) == "archive-empty"


def test_an_archive_with_a_password_is_refused() -> None:
    data = bytearray(zipped(("a.jpg", JPEG)))
    for at in (6, data.index(b"PK\x01\x02") + 8):
        data[at] |= 0x1
    assert refused(bytes(data)) == "archive-encrypted"


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_FILES", 2)
    assert refused(zipped(*((f"{n}.jpg", JPEG) for n in range(3)))) == "archive-too-many-files"


def test_a_bomb_by_declared_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_INFLATED", 1_000_000)
    assert refused(zipped(("a.jpg", b"\0" * 1_000_001))) == "archive-bomb"
