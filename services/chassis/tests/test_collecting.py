import gc
from collections.abc import Iterator

import pytest

from chassis import collecting


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    gc.enable()


def test_imports_run_without_the_collector() -> None:
    with collecting.imports():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_was_imported_is_not_looked_at_again() -> None:
    before = gc.get_freeze_count()
    with collecting.imports():
        here = [[number] for number in range(1000)]
    assert gc.get_freeze_count() >= before + len(here)


def test_an_import_that_fails_leaves_the_collector_on() -> None:
    with pytest.raises(ModuleNotFoundError), collecting.imports():
        import nowhere  # type: ignore[import-not-found]  # noqa: F401 - it is not there
    assert gc.isenabled()


def test_what_has_settled_is_not_looked_at_again() -> None:
    before = gc.get_freeze_count()
    here = [[number] for number in range(1000)]
    collecting.settled()
    assert gc.get_freeze_count() >= before + len(here)


def test_a_process_that_runs_collects_seldom() -> None:
    collecting.seldom()
    assert gc.get_threshold() == (500_000, 20, 20)
