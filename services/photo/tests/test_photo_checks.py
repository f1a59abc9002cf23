"""What becomes of a picture. Sizes and verdicts by hand."""

import io
import struct
import zlib

import pytest
from PIL import Image, ImageDraw

from photo.checks import standardise

LIGHT_BLUE = (120, 170, 230)


def picture(
    width: int = 1050, height: int = 1294, *, form: str = "JPEG", mode: str = "RGB", **options: object
) -> bytes:
    image = Image.new("RGB", (width, height), LIGHT_BLUE)
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.25, height * 0.2, width * 0.75, height * 0.7), fill=(235, 200, 170))
    draw.rectangle((width * 0.15, height * 0.75, width * 0.85, height), fill=(40, 40, 90))
    out = io.BytesIO()
    image.convert(mode).save(out, form, **options)
    return out.getvalue()


def giant_png(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes whose header claims any size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_good_picture_becomes_the_standard_photo(form: str) -> None:
    standard = standardise(picture(form=form))
    assert not isinstance(standard, str)
    with Image.open(io.BytesIO(standard.content)) as image:
        assert (image.size, image.format, image.mode) == ((358, 441), "JPEG", "RGB")
        assert len(image.getexif()) == 0
    assert len(standard.content) < 60_000
    assert standard.remarks == ()


def test_metadata_does_not_survive() -> None:
    exif = Image.Exif()
    exif[0x010E] = "GPS of a child's home"
    standard = standardise(picture(exif=exif, comment=b"school of a child", icc_profile=b"camera of a child"))
    assert not isinstance(standard, str)
    assert b"of a child" not in standard.content


def test_a_scan_that_comes_again_and_again_is_not_decoded() -> None:
    whole = picture(progressive=True)
    last = whole.rindex(b"\xff\xda")
    assert standardise(whole[:last] + whole[last:-2] * 200 + b"\xff\xd9") == "photo-damaged"


def test_a_picture_taken_on_its_side_is_set_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = Image.open(io.BytesIO(picture())).rotate(90, expand=True)
    out = io.BytesIO()
    lying.save(out, "JPEG", exif=exif)
    standard = standardise(out.getvalue())
    assert not isinstance(standard, str)
    with Image.open(io.BytesIO(standard.content)) as image:
        top, bottom = image.getpixel((179, 5)), image.getpixel((179, 435))
        assert isinstance(top, tuple)
        assert isinstance(bottom, tuple)
        assert top[2] > 200 > bottom[2]


def test_noise_that_does_not_compress_still_ends_under_sixty_kilobytes() -> None:
    noise = Image.effect_noise((800, 985), 120).convert("RGB")
    out = io.BytesIO()
    noise.save(out, "PNG")
    standard = standardise(out.getvalue())
    assert not isinstance(standard, str)
    assert len(standard.content) < 60_000


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "photo-empty"),
        (b"GIF89a" + b"\0" * 50, "photo-not-an-image"),
        (b"%PDF-1.7 no picture", "photo-not-an-image"),
        (picture(form="BMP"), "photo-not-an-image"),
        (picture()[:9000], "photo-damaged"),
        (b"\0" * (10 * 1024 * 1024 + 1), "photo-too-large"),
        (picture(150, 185), "photo-too-small"),
        (picture(1294, 1050), "photo-wrong-ratio"),
        (picture(1000, 1000), "photo-wrong-ratio"),
        (picture(mode="L"), "photo-not-in-colour"),
        (giant_png(30_000, 30_000), "photo-too-many-pixels"),  # 900 megapixels
        (giant_png(6_400, 7_900), "photo-too-many-pixels"),  # 50.56 megapixels
        (giant_png(3_580, 4_410), "photo-damaged"),
    ],
    ids=[
        "empty",
        "gif",
        "pdf",
        "bmp",
        "truncated",
        "11mb",
        "small",
        "landscape",
        "square",
        "grey",
        "900mp",
        "51mp",
        "lies",
    ],
)
def test_a_bad_picture_is_refused_by_code(data: bytes, code: str) -> None:
    assert standardise(data) == code


def test_a_background_that_is_not_light_blue_is_remarked_and_not_refused() -> None:
    red = Image.new("RGB", (716, 882), (200, 30, 30))
    out = io.BytesIO()
    red.save(out, "JPEG")
    standard = standardise(out.getvalue())
    assert not isinstance(standard, str)
    assert standard.remarks == ("background-not-light-blue",)
