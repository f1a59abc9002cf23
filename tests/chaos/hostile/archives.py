"""ZIPs of photos as attackers and broken programs write them: refused as a whole, or file by file."""

import stat
from collections.abc import Callable
from typing import Final

from tests.chaos.hostile.images import good
from tests.chaos.hostile.packing import MEGABYTE, Part, endless, overlapping, packed
from tests.chaos.hostile.verdicts import Hostile, Taken

_NAME: Final = b"999999202003150114.jpg"


def one(name: bytes = _NAME, **how: object) -> bytes:
    """An archive of one photo, of which something is not as it should be."""
    return packed([Part(name, **{"content": good(), **how})])  # type: ignore[arg-type]  # how is Part's


def _x(title: str, make: Callable[[], bytes], verdict: "str | Taken") -> Hostile:
    return Hostile(title, "a.zip", make, verdict)


def _refused(code: str) -> Taken:
    return Taken(0, (code,))


ARCHIVES: Final[tuple[Hostile, ...]] = (
    _x("a photo", one, Taken(1)),
    _x("nothing", bytes, "archive-not-a-zip"),
    _x("a RAR", lambda: b"Rar!\x1a\x07\x01\x00" + b"\0" * 99, "archive-not-a-zip"),
    _x("a 7z", lambda: b"7z\xbc\xaf\x27\x1c" + b"\0" * 99, "archive-not-a-zip"),
    _x("a gzip", lambda: b"\x1f\x8b\x08" + b"\0" * 99, "archive-not-a-zip"),
    _x("an archive of nothing", lambda: packed([]), "archive-empty"),
    _x("folders alone", lambda: packed([Part(b"a/"), Part(b"a/b/")]), "archive-empty"),
    _x("litter alone", lambda: packed([Part(b"__MACOSX/._a.jpg"), Part(b"Thumbs.db"), Part(b".DS_Store")]),
       "archive-empty"),
    _x("half an archive", lambda: one()[: len(one()) // 2], "archive-not-a-zip"),
    _x("an archive without its last byte", lambda: one()[:-1], "archive-not-a-zip"),
    _x("a directory that lies about its place", lambda: packed([Part(_NAME, good())], directory_lies=MEGABYTE),
       _refused("photo-damaged")),
    _x("5,001 photos", lambda: packed([Part(b"%d.jpg" % n) for n in range(5_001)]), "archive-too-many-files"),
    _x("a password on one of two", lambda: packed([Part(b"a.jpg", good()), Part(b"b.jpg", good(), flags=0x801)]),
       "archive-encrypted"),
    _x("201 MB", lambda: one() + b"\0" * (200 * MEGABYTE), "archive-too-large"),
    _x("three gigabytes by their own word", lambda: packed([Part(b"%d.jpg" % n, b"x", size=2**30) for n in range(3)]),
       "archive-bomb"),
    _x("entries that overlap", lambda: overlapping(_NAME, 2_000, b"\0" * 100_000), _refused("photo-damaged")),
    _x("a photo of 500 MB", lambda: one(packed=endless(b"\0" * MEGABYTE, 500), size=500 * MEGABYTE),
       _refused("photo-too-large")),
    _x("a photo of 500 MB that says it is small", lambda: one(packed=endless(b"\0" * MEGABYTE, 500), size=50_000),
       _refused("photo-damaged")),
    _x("zeroes without end", lambda: one(content=b"\0" * 9_000_000), _refused("photo-damaged")),
    _x("a photo packed by bzip2", lambda: one(method=12), _refused("photo-damaged")),
    _x("a photo packed by LZMA", lambda: one(method=14, packed=b"\x09\x14\x05\0\x5d\xff\xff\xff\xff" + b"\x55" * 99),
       _refused("photo-damaged")),
    _x("a photo packed by PPMd", lambda: one(method=98), _refused("photo-damaged")),
    _x("a photo of noise", lambda: one(packed=b"\xff" * 999, size=999), _refused("photo-damaged")),
    _x("a photo with a wrong checksum", lambda: one(crc=1), _refused("photo-damaged")),
    _x("two names of one photo", lambda: one(local_name=b"999999202003150115.jpg"), _refused("photo-damaged")),
    _x("an extra field that ends early", lambda: one(extra=b"\1\0\xff\xff"), "archive-not-a-zip"),
    _x("a path upwards", lambda: one(b"../../etc/cron.d/a.jpg"), _refused("file-name-unsafe")),
    _x("a path from the root", lambda: one(b"/etc/a.jpg"), _refused("file-name-unsafe")),
    _x("a path on a drive", lambda: one(b"C:/windows/a.jpg"), _refused("file-name-unsafe")),
    _x("a path with backslashes", lambda: one(b"..\\..\\a.jpg"), _refused("file-name-unsafe")),
    _x("a name with a NUL", lambda: one(b"a.jpg\0.exe"), _refused("file-name-unsafe")),
    _x("a name that is empty", lambda: one(b""), _refused("file-not-a-photo")),
    _x("a name that begins with a NUL", lambda: one(b"\0a.jpg"), _refused("file-name-unsafe")),
    _x("a symbolic link", lambda: one(attributes=(stat.S_IFLNK | 0o777) << 16), _refused("file-name-unsafe")),
    _x("a device", lambda: one(attributes=(stat.S_IFBLK | 0o777) << 16), Taken(1)),
    _x("a program", lambda: one(b"a.exe"), _refused("file-not-a-photo")),
    _x("a double ending", lambda: one(b"a.jpg.exe"), _refused("file-not-a-photo")),
    _x("a name that is an ending", lambda: one(b".jpg"), _refused("file-not-a-photo")),
    _x("a name of 60,000 characters", lambda: one(b"a" * 60_000 + b".jpg"), Taken(1)),
    _x("a name that turns its direction", lambda: one("a\u202egpj.exe\u202c.jpg".encode()), Taken(1)),
    _x("a name of bytes that no encoding has", lambda: one(b"\x81\xff\xfe.jpg", flags=0), Taken(1)),
    _x("a name that is not the UTF-8 it says", lambda: one(b"\xff\xfe.jpg"), "archive-not-a-zip"),
    _x("1,000 folders inside one another", lambda: one(b"a/" * 1_000 + b"a.jpg"), Taken(1)),
    _x("an archive inside an archive", lambda: packed([Part(b"a.zip", one())]), _refused("file-not-a-photo")),
    _x("a comment of 60 KB", lambda: packed([Part(_NAME, good())], comment=b"c" * 60_000), Taken(1)),
    _x("a program before the archive", lambda: b"MZ" + b"\0" * 5_000 + one(), Taken(1)),
)  # fmt: skip
