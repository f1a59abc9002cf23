"""The garbage collector of a process: what stands there is never garbage, and looking at it is most of its work."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def imports() -> Iterator[None]:
    """Without the collector: modules, models and routes stay, and it would walk all of them time and again.

    What was made is moved aside unseen: of 150,000 objects that registry imports ten are garbage, and to find them
    takes a twentieth of its start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def settled() -> None:
    """What is there now stays for as long as the process: moved aside, it is not looked at again."""
    gc.collect()
    gc.freeze()


def seldom() -> None:
    """A batch makes thousands of objects but hardly a cycle.

    With Python's own thresholds the collector took a fifth of a consumer's CPU, walking what was there already.
    """
    settled()
    gc.set_threshold(500_000, 20, 20)
