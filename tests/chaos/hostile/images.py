"""Pictures of attackers, of broken cameras and of other programs. No picture shows anybody."""

import io
import random
import struct
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from PIL import Image, ImageDraw

from photo import checks
from tests.chaos.hostile.packing import endless
from tests.chaos.hostile.verdicts import Hostile, Taken

WIDTH, HEIGHT = 716, 882
_PNG: Final = b"\x89PNG\r\n\x1a\n"


def picture(width: int = WIDTH, height: int = HEIGHT, form: str = "JPEG", mode: str = "RGB", **how: Any) -> bytes:
    """A head of plain colours before a light blue wall."""
    image = Image.new("RGB", (width, height), (120, 170, 230))
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.25, height * 0.2, width * 0.75, height * 0.7), fill=(235, 200, 170))
    out = io.BytesIO()
    image.convert(mode).save(out, form, **how)
    return out.getvalue()


@cache
def good() -> bytes:
    return picture()


def chunk(kind: bytes, body: bytes, crc: int | None = None) -> bytes:
    """A chunk of a PNG."""
    return (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body) if crc is None else crc)
    )


def png(width: int, height: int, *, depth: int = 8, kind: int = 2, rows: bytes | None = None, more: bytes = b"",
        packed: bytes | None = None) -> bytes:  # fmt: skip
    """A PNG of any claims; all black unless it is said otherwise."""
    if packed is None:
        line = b"\0" * (1 + (width * depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind] + 7) // 8)
        packed = zlib.compress(line * height if rows is None else rows, 9)
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return _PNG + chunk(b"IHDR", head) + more + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def great_png(width: int, height: int, depth: int, kind: int) -> bytes:
    """A PNG that really has all its pixels, in a file of kilobytes."""
    bits = depth * {0: 1, 2: 3, 3: 1, 6: 4}[kind]
    line = b"\0" + b"\0" * ((width * bits + 7) // 8)
    each = max(1, 1_000_000 // len(line))
    raw = endless(line * each, height // each, last=line * (height % each))
    checksum = zlib.adler32(line * (height % each), _adler(line * each, height // each))
    packed = b"\x78\x9c" + raw + struct.pack(">I", checksum)
    return png(width, height, depth=depth, kind=kind, packed=packed)


def _adler(piece: bytes, times: int) -> int:
    found = 1
    for _ in range(times):
        found = zlib.adler32(piece, found)
    return found


def scans(times: int) -> bytes:
    """A progressive JPEG of 20 megapixels whose last scan comes so many times: each decodes it all again."""
    whole = picture(4_000, 4_926, progressive=True)
    places = [at for at in range(len(whole) - 1) if whole[at : at + 2] == b"\xff\xda"]
    head, last = whole[: places[-1]], whole[places[-1] : -2]
    return (head + last * times + b"\xff\xd9")[: checks.LARGEST_FILE]


def segment(mark: int, body: bytes) -> bytes:
    """The good JPEG with a segment behind its beginning."""
    return b"\xff\xd8" + struct.pack(">BBH", 0xFF, mark, len(body) + 2) + body + good()[2:]


def exif(body: bytes) -> bytes:
    """The good JPEG with any bytes as its EXIF."""
    return segment(0xE1, b"Exif\0\0" + body)


def sized(width: int, height: int) -> bytes:
    """The good JPEG with other sizes in its header."""
    at = good().index(b"\xff\xc0")
    return good()[: at + 5] + struct.pack(">HH", height, width) + good()[at + 9 :]


def mutated(seed: int) -> bytes:
    """A JPEG or PNG with EXIF in which some bytes are others."""
    chance = random.Random(seed)
    about = Image.Exif()
    about[0x0112], about[0x010E] = 1, "x"
    found = bytearray(_base("PNG" if seed % 2 else "JPEG", about.tobytes()))
    for _ in range(chance.randint(1, 20)):
        found[chance.randrange(min(len(found), chance.choice((200, 2_000, len(found)))))] = chance.randrange(256)
    if chance.random() < 0.2:
        del found[chance.randrange(len(found)) :]
    return bytes(found)


@cache
def _base(form: str, about: bytes) -> bytes:
    return picture(200, 246, form, exif=about)


def _x(title: str, make: Callable[[], bytes], verdict: "str | Taken") -> Hostile:
    return Hostile(title, "a.jpg", make, verdict)


_LOOP: Final = b"II*\0\x08\0\0\0" + b"\x01\0" + b"\x69\x87\x04\0\x01\0\0\0\x08\0\0\0" + b"\x08\0\0\0"
_TAKEN: Final = Taken(1)

IMAGES: Final[tuple[Hostile, ...]] = (
    _x("a photo", good, _TAKEN),
    # What exhausts memory or time.
    _x("67 megapixels of one bit", lambda: great_png(8_192, 8_192, 1, 0), "photo-too-many-pixels"),
    _x("164 megapixels of one bit", lambda: great_png(12_800, 12_800, 1, 0), "photo-too-many-pixels"),
    _x("359 megapixels of one bit", lambda: great_png(18_944, 18_944, 1, 0), "photo-too-many-pixels"),
    _x("4 gigapixels in a header", lambda: png(65_500, 65_500, packed=b"x"), "photo-too-many-pixels"),
    _x("more pixels than fit in 31 bits", lambda: png(2**31 - 1, 2**31 - 1, packed=b"x"), "photo-too-many-pixels"),
    _x("a JPEG of 4 gigapixels", lambda: sized(65_500, 65_500), "photo-too-many-pixels"),
    _x("49 megapixels in colour", lambda: great_png(6_320, 7_780, 8, 2), _TAKEN),
    _x("49 megapixels with transparency", lambda: great_png(6_320, 7_780, 8, 6), _TAKEN),
    _x("49 megapixels of a palette without a palette", lambda: great_png(6_320, 7_780, 8, 3), _TAKEN),
    _x("a scan that comes 40,000 times", lambda: scans(40_000), "photo-damaged"),
    _x("a text of 100 MB beside a PNG", lambda: png(WIDTH, HEIGHT, more=chunk(b"zTXt", b"x\0\0" + b"\x78\x9c"
       + endless(b"x" * 1_000_000, 100))), "photo-damaged"),
    _x("a profile of 100 MB beside a PNG", lambda: png(WIDTH, HEIGHT, more=chunk(b"iCCP", b"x\0\0" + b"\x78\x9c"
       + endless(b"x" * 1_000_000, 100))), "photo-damaged"),
    _x("11 MB", lambda: good().ljust(11 * 1024 * 1024, b"\0"), "photo-too-large"),
    # What is no JPEG and no PNG, whatever its name says.
    _x("nothing", bytes, "photo-empty"),
    _x("a FITS", lambda: b"SIMPLE  =                    T".ljust(2_880), "photo-not-an-image"),
    _x("an SVG with a script", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>',
       "photo-not-an-image"),
    _x("a GIF", lambda: picture(form="GIF"), "photo-not-an-image"),
    _x("a TIFF", lambda: picture(form="TIFF"), "photo-not-an-image"),
    _x("a WebP", lambda: picture(form="WEBP"), "photo-not-an-image"),
    _x("a BMP", lambda: picture(form="BMP"), "photo-not-an-image"),
    _x("a PDF", lambda: picture(form="PDF"), "photo-not-an-image"),
    _x("an EPS that runs a program", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id)",
       "photo-not-an-image"),
    _x("an icon", lambda: picture(64, 64, form="ICO"), "photo-not-an-image"),
    _x("a page of HTML", lambda: b"<!DOCTYPE html><script>1</script>", "photo-not-an-image"),
    _x("an archive", lambda: b"PK\x05\x06" + b"\0" * 18, "photo-not-an-image"),
    # What is more than a picture: only the picture is kept.
    _x("a photo with a page of HTML behind it", lambda: good() + b"<script>alert(1)</script>", _TAKEN),
    _x("a photo with a program in its comment", lambda: segment(0xFE, b"<?php system('id'); ?>"), _TAKEN),
    _x("a PNG of several pictures", lambda: picture(form="PNG", save_all=True,
       append_images=[Image.new("RGB", (WIDTH, HEIGHT), n) for n in ("red", "blue")]), _TAKEN),
    _x("a JPEG for printers", lambda: picture(mode="CMYK"), _TAKEN),
    _x("a PNG with a palette", lambda: picture(form="PNG", mode="P"), _TAKEN),
    _x("a PNG with transparency", lambda: picture(form="PNG", mode="RGBA"), _TAKEN),
    _x("a PNG of 16 bits", lambda: png(WIDTH, HEIGHT, depth=16), _TAKEN),
    _x("a PNG of 16 bits of grey", lambda: png(WIDTH, HEIGHT, depth=16, kind=0), "photo-not-in-colour"),
    _x("a PNG of grey with transparency", lambda: png(WIDTH, HEIGHT, kind=4), "photo-not-in-colour"),
    # EXIF that lies.
    _x("an EXIF of noise", lambda: exif(b"\xff" * 500), _TAKEN),
    _x("an EXIF in a circle", lambda: exif(_LOOP), _TAKEN),
    _x("an EXIF of 65,535 entries",
       lambda: exif(b"II*\0\x08\0\0\0" + b"\xff\xff" + b"\x12\1\x03\0\1\0\0\0\6\0\0\0" * 99),
       "photo-wrong-ratio"),
    _x("an EXIF with a side that there is not",
       lambda: exif(b"II*\0\x08\0\0\0\1\0\x12\1\x03\0\1\0\0\0\x63\0\0\0\0\0\0\0"),
       _TAKEN),
    _x("an EXIF that turns with a text", lambda: exif(b"II*\0\x08\0\0\0\1\0\x12\1\x02\0\4\0\0\0abc\0\0\0\0\0"), _TAKEN),
    _x("an EXIF that ends in its head", lambda: exif(b"II*\0"), _TAKEN),
    # What is broken.
    _x("half a JPEG", lambda: good()[: len(good()) // 2], "photo-damaged"),
    _x("the head of a JPEG", lambda: good()[:100], "photo-damaged"),
    _x("the first bytes of a JPEG", lambda: good()[:3], "photo-not-an-image"),
    _x("a JPEG without components", lambda: good().replace(b"\xff\xc0\x00\x11", b"\xff\xc0\x00\x08", 1),
       "photo-damaged"),
    _x("a JPEG of no height", lambda: sized(WIDTH, 0), "photo-not-an-image"),
    _x("a PNG of no width", lambda: png(0, HEIGHT), "photo-not-an-image"),
    _x("a PNG with a wrong checksum", lambda: _PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0,
       0, 0),
       crc=1), "photo-not-an-image"),
    _x("a PNG whose pixels are noise", lambda: png(WIDTH, HEIGHT, packed=b"\xff" * 500), "photo-damaged"),
    _x("a PNG whose pixels are missing", lambda: png(WIDTH, HEIGHT, rows=b"\0" * 10), "photo-damaged"),
    _x("a PNG of 3 bits", lambda: png(WIDTH, HEIGHT, depth=3), "photo-not-an-image"),
    # What is a picture of something else.
    _x("a stamp", lambda: picture(100, 123), "photo-too-small"),
    _x("a landscape", lambda: picture(HEIGHT, WIDTH), "photo-wrong-ratio"),
    _x("a strip", lambda: picture(200, 20_000), "photo-wrong-ratio"),
    _x("a photo of grey", lambda: picture(mode="L"), "photo-not-in-colour"),
)  # fmt: skip
