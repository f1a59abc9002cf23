"""What grows is told from what warms up."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.chaos.soak import Growth, Look, growths, told


def looks(**programs: Sequence[float]) -> list[Look]:
    """A look every ten seconds, in which so many pupils more were registered."""
    number = len(next(iter(programs.values())))
    return [
        Look(n * 10.0, {name: values[n] for name, values in programs.items()}, registered=n * 550, unsent=n)
        for n in range(number)
    ]


def test_a_program_that_warms_up_and_then_stays_is_flat(capsys: pytest.CaptureFixture[str]) -> None:
    seen = looks(sync=[50, 90, 110, 120, 121, 120, 119, 120, 121, 120, 122, 120])
    assert growths(seen) == [Growth("sync", first=120.5, last=121.0)]
    assert told(seen, left=0)
    assert "55.0 pupils/s registered; at most 11 rows waited to be sent, none in the end" in capsys.readouterr().out


def test_a_program_that_takes_a_little_more_each_time_grows(capsys: pytest.CaptureFixture[str]) -> None:
    seen = looks(photo=[100.0] * 12, sync=[100.0 + 3 * n for n in range(12)])
    assert growths(seen) == [Growth("photo", 100.0, 100.0), Growth("sync", first=110.5, last=131.5)]
    assert not told(seen, left=0)
    assert "GROWS" in capsys.readouterr().out


def test_a_large_program_may_waver_by_a_share_of_itself() -> None:
    assert Growth("registry-worker", 400.0, 431.0).is_flat
    assert not Growth("registry-worker", 400.0, 433.0).is_flat


def test_the_servers_fill_the_memory_that_they_were_given() -> None:
    assert told(looks(postgres=[100.0 * n for n in range(12)], sync=[100.0] * 12), left=0)


def test_fewer_pupils_than_nine_tenths_of_the_rate_are_too_few(capsys: pytest.CaptureFixture[str]) -> None:
    enough = [replace(look, registered=n * 496) for n, look in enumerate(looks(sync=[100.0] * 12))]
    too_few = [replace(look, registered=n * 494) for n, look in enumerate(enough)]
    assert told(enough, left=0)
    assert not told(too_few, left=0)
    assert "49.4 pupils/s registered, FEWER than nine tenths of 55" in capsys.readouterr().out


def test_what_is_not_registered_while_the_first_workbooks_come_is_not_missed() -> None:
    late = [replace(look, registered=max(0, n - 3) * 550) for n, look in enumerate(looks(sync=[100.0] * 12))]
    assert told(late, left=0)


def test_rows_that_are_never_sent_are_seen(capsys: pytest.CaptureFixture[str]) -> None:
    assert not told(looks(sync=[100.0] * 12), left=3)
    assert "3 in the end" in capsys.readouterr().out


def test_a_minute_says_nothing() -> None:
    with pytest.raises(ValueError, match="7 looks are too few"):
        growths(looks(sync=[1.0] * 7))
