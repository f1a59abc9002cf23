"""The standard photo: 358×441 JPEG under 60 KB without metadata, or the code of why there is none.

Runs in a child process with limits (`working.py`), for a picture is hostile until decoded.
"""

import io
import warnings
from dataclasses import dataclass
from hashlib import sha256

from PIL import Image, ImageOps, UnidentifiedImageError

WIDTH, HEIGHT = 358, 441
"""Pixels: 26 × 32 mm at 350 dpi."""
LARGEST_FILE = 10 * 1024 * 1024
LARGEST_STANDARD = 60_000
"""Bytes; the nation takes photos under 60 KB."""
MOST_PIXELS = 50_000_000
LEAST_WIDTH, LEAST_HEIGHT = 154, 189
"""Pixels: 26 × 32 mm at 150 dpi."""
MOST_SCANS = 100
"""Of a progressive JPEG, which has about ten. Each decodes the whole picture again, and may cost a hundred bytes."""
_SCAN = b"\xff\xda"
RATIO = WIDTH / HEIGHT
RATIO_TOLERANCE = 0.12
"""PROPOSED: a share of the ratio by which a picture may differ and still be cropped."""
QUALITIES = (90, 82, 74, 66, 58, 50, 40, 30)

Image.MAX_IMAGE_PIXELS = MOST_PIXELS


@dataclass(frozen=True, slots=True)
class Standard:
    """A photo as it is kept."""

    content: bytes
    sha256: str
    remarks: tuple[str, ...]
    """Codes of what a person should look at; they refuse nothing."""


def standardise(data: bytes) -> Standard | str:
    """The standard photo made of an uploaded file, or the code of the refusal. Source: art. 12."""
    if not data:
        return "photo-empty"
    if len(data) > LARGEST_FILE:
        return "photo-too-large"
    if data.startswith(b"\xff\xd8") and data.count(_SCAN) > MOST_SCANS:
        return "photo-damaged"
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
                return why_not(image) or _make(image)
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            return "photo-too-many-pixels"
        except UnidentifiedImageError:
            return "photo-not-an-image"
        except (OSError, ValueError, SyntaxError, EOFError, ArithmeticError, MemoryError):
            # Pillow raises all of these on broken files; the child process holds what else it may do.
            return "photo-damaged"


def why_not(image: Image.Image) -> str | None:
    """Why a picture cannot be used, told from its header alone, before a pixel is decoded."""
    width, height = _upright_size(image)
    if width * height > MOST_PIXELS:
        return "photo-too-many-pixels"
    if width < LEAST_WIDTH or height < LEAST_HEIGHT:
        return "photo-too-small"
    if abs(width / height / RATIO - 1) > RATIO_TOLERANCE:
        return "photo-wrong-ratio"
    if image.mode in ("1", "L", "LA", "I", "F") or image.mode.startswith("I;"):
        return "photo-not-in-colour"
    return None


def _upright_size(image: Image.Image) -> tuple[int, int]:
    return (image.height, image.width) if _is_turned(image) else (image.width, image.height)


def _is_turned(image: Image.Image) -> bool:
    """Whether the camera was held upright, so that height and width change places."""
    return image.getexif().get(0x0112, 1) in (5, 6, 7, 8)


def _make(image: Image.Image) -> Standard:
    # A JPEG decodes at 1/2, 1/4 or 1/8 of its size for a fraction of the time, each pixel the mean of those it stands
    # for. Of a finely drawn picture that leaves 29 dB (PSNR, against a whole decoding), of a face 47; saving it as JPEG
    # afterwards leaves 20 of the same drawing.
    image.draft("RGB", (HEIGHT, WIDTH) if _is_turned(image) else (WIDTH, HEIGHT))
    upright = ImageOps.exif_transpose(image)
    picture = ImageOps.fit(_on_white(upright), (WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    picture.info.clear()  # Pillow would write the old picture's comment into the new one
    for quality in QUALITIES:
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality, optimize=True, dpi=(350, 350))
        if out.tell() < LARGEST_STANDARD:
            break
    content = out.getvalue()
    return Standard(content, sha256(content).hexdigest(), _remarks(picture))


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        flat = Image.new("RGB", image.size, "white")
        with_alpha = image.convert("RGBA")
        flat.paste(with_alpha, mask=with_alpha.getchannel("A"))
        return flat
    return image if image.mode == "RGB" else image.convert("RGB")


def _remarks(picture: Image.Image) -> tuple[str, ...]:
    """Soft checks. The background of the official photo is light blue. Source: the house's regulation page, §6."""
    corners = picture.crop((0, 0, WIDTH, HEIGHT // 8)).resize((2, 1), Image.Resampling.BOX)
    left, right = corners.getpixel((0, 0)), corners.getpixel((1, 0))
    blue = all(isinstance(pixel, tuple) and pixel[2] >= pixel[0] and pixel[2] > 110 for pixel in (left, right))
    return () if blue else ("background-not-light-blue",)
