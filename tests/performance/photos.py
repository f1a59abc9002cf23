"""`python -m tests.performance.photos`: standard photos a second and core, from 12 megapixels."""

import asyncio
import io
import os
import statistics
import time
from typing import Final

from PIL import Image, ImageDraw, ImageFilter

from photo.checks import LARGEST_STANDARD, standardise
from photo.working import Workshop
from tests.performance.measuring import console, table

WIDTH, HEIGHT = 3120, 3846
"""12 megapixels in the ratio of 26 × 32 mm."""
PICTURES: Final = 8
ROUNDS: Final = 5


def camera(seed: int) -> bytes:
    """A portrait as a camera takes it: 12 megapixels, with noise, some megabytes."""
    image = Image.new("RGB", (WIDTH, HEIGHT), (120, 170, 230))
    draw = ImageDraw.Draw(image)
    draw.ellipse((WIDTH * 0.25, HEIGHT * 0.2, WIDTH * 0.75, HEIGHT * 0.7), fill=(235, 200, 170 - seed))
    draw.rectangle((WIDTH * 0.15, HEIGHT * 0.75, WIDTH * 0.85, HEIGHT), fill=(40, 40, 90))
    noise = Image.effect_noise((WIDTH, HEIGHT), 40).convert("RGB").filter(ImageFilter.GaussianBlur(0.7))
    out = io.BytesIO()
    Image.blend(image, noise, 0.3).save(out, "JPEG", quality=92)
    return out.getvalue()


def alone(pictures: list[bytes]) -> float:
    """Seconds of CPU for one picture, the median of some rounds, in this process."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for picture in pictures:
            made = standardise(picture)
            assert not isinstance(made, str), made
            assert len(made.content) < LARGEST_STANDARD
        rounds.append((time.process_time() - began) / len(pictures))
    return statistics.median(rounds)


async def together(pictures: list[bytes], children: int) -> float:
    """Seconds for one picture when the children of a service share the work, the median of some rounds."""
    workshop = Workshop(children)
    rounds = []
    try:
        await asyncio.gather(*(workshop.standardise(picture) for picture in pictures))
        for _ in range(ROUNDS):
            began = time.perf_counter()
            await asyncio.gather(*(workshop.standardise(picture) for picture in pictures))
            rounds.append((time.perf_counter() - began) / len(pictures))
    finally:
        workshop.close()
    return statistics.median(rounds)


def main() -> None:
    """Print the rates."""
    pictures = [camera(seed) for seed in range(PICTURES)]
    size = statistics.mean(map(len, pictures)) / 2**20
    children = os.cpu_count() or 1
    one, all_of_them = alone(pictures), asyncio.run(together(pictures, children))
    table(
        f"Standard photos from {WIDTH}×{HEIGHT} JPEG of {size:.1f} MiB",
        ["", "photos/s", "ms CPU a photo"],
        [
            ["one core, by its CPU", f"{1 / one:,.1f}", f"{one * 1000:.1f}"],
            [f"a service with {children} children", f"{1 / all_of_them:,.1f}", ""],
        ],
    )
    console.print(f"promised: 20 a second and core; {'kept' if 1 / one >= 20 else 'NOT kept'}")


if __name__ == "__main__":
    main()
