"""Portraits that are drawn, not taken: one per pupil, all different, on the light blue of identity photos."""

import io
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageDraw

from sample.people import Pupil
from sample.roster import Entered, Fate, Roster

SIZE = (520, 640)
"""26 × 32 mm at about 500 dpi."""
BLUE = (150, 200, 240)


def portrait(pupil: Pupil, chance: random.Random, size: tuple[int, int] = SIZE) -> bytes:
    """A JPEG of a face-like drawing."""
    width, height = size
    image = Image.new("RGB", size, tuple(channel + chance.randrange(-8, 9) for channel in BLUE))
    draw = ImageDraw.Draw(image)
    skin = (chance.randrange(225, 250), chance.randrange(185, 215), chance.randrange(150, 185))
    hair = tuple(chance.randrange(15, 60) for _ in range(3))
    shirt = tuple(chance.randrange(40, 230) for _ in range(3))
    middle, face = width / 2 + chance.randrange(-6, 7), height * 0.42
    half, tall = width * chance.uniform(0.21, 0.26), height * chance.uniform(0.24, 0.28)
    draw.ellipse((middle - width * 0.44, height * 0.74, middle + width * 0.44, height * 1.4), fill=shirt)
    draw.rectangle((middle - half * 0.4, face + tall * 0.7, middle + half * 0.4, height * 0.8), fill=skin)
    if pupil.sex == "2":
        draw.ellipse((middle - half * 1.25, face - tall * 1.1, middle + half * 1.25, face + tall * 1.3), fill=hair)
    else:
        draw.ellipse((middle - half * 1.1, face - tall * 1.15, middle + half * 1.1, face + tall * 0.4), fill=hair)
    draw.ellipse((middle - half, face - tall * 0.9, middle + half, face + tall), fill=skin)
    fringe = face - tall * chance.uniform(0.35, 0.55)
    draw.pieslice((middle - half, face - tall * 1.1, middle + half, fringe + tall * 0.5), 180, 360, fill=hair)
    apart, eye = half * chance.uniform(0.38, 0.5), width * chance.uniform(0.014, 0.022)
    for side in (-1, 1):
        x, y = middle + side * apart, face
        draw.ellipse((x - eye * 1.8, y - eye, x + eye * 1.8, y + eye), fill="white")
        draw.ellipse((x - eye, y - eye, x + eye, y + eye), fill=(30, 20, 20))
        draw.line((x - eye * 2, y - eye * 3, x + eye * 2, y - eye * 3), fill=hair, width=5)
        if chance.random() < 0.12:
            draw.ellipse((x - eye * 3, y - eye * 3, x + eye * 3, y + eye * 3), outline=(40, 40, 40), width=4)
    draw.line((middle, face, middle - eye, face + tall * 0.3, middle + eye, face + tall * 0.3), fill=(190, 140, 110))
    smile = half * chance.uniform(0.25, 0.45)
    draw.arc(
        (middle - smile, face + tall * 0.4, middle + smile, face + tall * 0.7), 20, 160, fill=(180, 60, 60), width=6
    )
    return _jpeg(image)


def write_archive(found: Roster, file: Path) -> None:
    """The ZIP of the roster's photos: good ones named in each way that is taken, and some that cannot be used."""
    growing = file.with_name(file.name + ".growing")
    with zipfile.ZipFile(growing, "w", zipfile.ZIP_STORED) as archive:
        for name, content in _files(found):
            archive.writestr(name, content)
    growing.replace(file)


def _files(found: Roster) -> Iterator[tuple[str, bytes]]:
    chance = random.Random(f"photos {found.seed}")
    for index, entered in enumerate(found.entered):
        if entered.fate in (Fate.REFUSED, Fate.DUPLICATE):
            continue
        yield from _photos_of(entered, index, found, chance)
    if found.entered:
        yield "花名册.txt", "拍摄顺序见花名册".encode()
        yield f"{found.school_code}_{found.entry_year}101_查无此人.jpg", portrait(found.entered[0].pupil, chance)


def _photos_of(entered: Entered, index: int, found: Roster, chance: random.Random) -> Iterator[tuple[str, bytes]]:
    stem = _stem(entered, index, found)
    content = portrait(entered.pupil, chance)
    if entered.fate is not Fate.WITHOUT_PHOTO:
        yield f"{stem}.jpg", content
    elif entered.why == "not-an-image":
        yield f"{stem}.jpg", "这不是照片".encode()
    elif entered.why == "truncated":
        yield f"{stem}.jpg", content[: len(content) // 3]
    elif entered.why == "landscape":
        yield f"{stem}.jpg", portrait(entered.pupil, chance, (640, 480))
    elif entered.why == "twice":
        yield f"{stem}.jpg", content
        yield f"重拍/{stem}.jpg", portrait(entered.pupil, chance)


def _stem(entered: Entered, index: int, found: Roster) -> str:
    """Citizen ID; 学校标识码_班号_姓名 for who has none, and for some others; 学籍号 for a few."""
    pupil = entered.pupil
    if pupil.document is None or index % 12 == 5:
        return f"{found.school_code}_{entered.row['班号']}_{pupil.name}"
    return f"G{pupil.document}" if index % 40 == 8 else pupil.document


def _jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88)
    return out.getvalue()
