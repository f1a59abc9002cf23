"""What grows is told from what warms up."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.chaos.soak import Growth, Look, Plan, growths, told

QUIET, FAULTY = Plan(minutes=2, seed=1), Plan(minutes=2, seed=1, faults=20)


def looks(**programs: Sequence[float]) -> list[Look]:
    """A look every ten seconds, in which so many pupils more were registered, of 20 KiB each."""
    number = len(next(iter(programs.values())))
    return [
        Look(n * 10.0, {name: values[n] for name, values in programs.items()}, n * 550, n, n * 550 * 20480, n * 2)
        for n in range(number)
    ]


def test_a_program_that_warms_up_and_then_stays_is_flat(capsys: pytest.CaptureFixture[str]) -> None:
    seen = looks(sync=[50, 90, 110, 120, 121, 120, 119, 120, 121, 120, 122, 120])
    assert growths(seen) == [Growth("sync", first=120.5, last=121.0)]
    assert told(seen, 0, QUIET)
    said = capsys.readouterr().out
    assert "55.0 pupils/s registered; at most 11 rows waited to be sent and 22 records to be heard, none in the" in said
    assert "a pupil took 20.0 KiB in the databases, later 20.0" in said
    assert "BLOATED" not in said


def test_a_program_that_takes_a_little_more_each_time_grows(capsys: pytest.CaptureFixture[str]) -> None:
    seen = looks(photo=[100.0] * 12, sync=[100.0 + 3 * n for n in range(12)])
    assert growths(seen) == [Growth("photo", 100.0, 100.0), Growth("sync", first=110.5, last=131.5)]
    assert not told(seen, 0, QUIET)
    assert "GROWS" in capsys.readouterr().out


def test_a_large_program_may_waver_by_a_share_of_itself() -> None:
    assert Growth("registry-worker", 400.0, 431.0).is_flat
    assert not Growth("registry-worker", 400.0, 433.0).is_flat


def test_the_servers_fill_the_memory_that_they_were_given() -> None:
    assert told(looks(postgres=[100.0 * n for n in range(12)], sync=[100.0] * 12), 0, QUIET)


def test_fewer_pupils_than_nine_tenths_of_the_rate_are_too_few(capsys: pytest.CaptureFixture[str]) -> None:
    enough = [replace(look, registered=n * 496) for n, look in enumerate(looks(sync=[100.0] * 12))]
    too_few = [replace(look, registered=n * 494) for n, look in enumerate(enough)]
    assert told(enough, 0, QUIET)
    assert not told(too_few, 0, QUIET)
    assert "49.4 pupils/s registered, FEWER than 49.5" in capsys.readouterr().out


def test_what_is_not_registered_while_the_first_workbooks_come_is_not_missed() -> None:
    late = [replace(look, registered=max(0, n - 3) * 550) for n, look in enumerate(looks(sync=[100.0] * 12))]
    assert told(late, 0, QUIET)


def test_rows_that_are_never_sent_are_seen(capsys: pytest.CaptureFixture[str]) -> None:
    assert not told(looks(sync=[100.0] * 12), 3, QUIET)
    assert "3 in the end" in capsys.readouterr().out


def test_tables_that_take_more_for_a_pupil_than_at_first_are_bloated(capsys: pytest.CaptureFixture[str]) -> None:
    seen = looks(sync=[100.0] * 12)
    # Nine looks are judged, from the fourth: from the eighth to the twelfth a pupil takes 27 KiB.
    bloated = [replace(look, stored=look.stored + max(0, n - 7) * 550 * 7168) for n, look in enumerate(seen)]
    assert not told(bloated, 0, QUIET)
    assert "a pupil took 20.0 KiB in the databases, later 27.0, BLOATED" in capsys.readouterr().out


def test_amid_faults_half_of_the_rate_is_enough() -> None:
    half = [replace(look, registered=n * 280) for n, look in enumerate(looks(sync=[100.0] * 12))]
    assert told(half, 0, FAULTY)
    assert not told(half, 0, QUIET)


def test_who_begins_anew_may_come_back_to_what_it_was_but_not_above() -> None:
    again = looks(sync=[50.0, 80, 100, 120, 60, 80, 100, 120, 119, 120, 121, 120])
    assert growths(again, die=True) == [Growth("sync", first=120, last=120.5)]
    above = looks(sync=[50.0, 80, 100, 120, 60, 80, 100, 120, 140, 150, 150, 150])
    assert growths(above, die=True) == [Growth("sync", first=120, last=150)]
    assert not told(above, 0, FAULTY)


def test_a_minute_says_nothing() -> None:
    with pytest.raises(ValueError, match="7 looks are too few"):
        growths(looks(sync=[1.0] * 7))


def test_a_crowd_has_its_own_rate_and_its_number(capsys: pytest.CaptureFixture[str]) -> None:
    fast = [replace(look, registered=n * 1500) for n, look in enumerate(looks(sync=[100.0] * 12))]
    slow = [replace(look, registered=n * 1490) for n, look in enumerate(fast)]
    assert told(fast, 0, Plan(minutes=2, seed=1, faults=20, pupils=16_500))
    assert not told(fast, 0, Plan(minutes=2, seed=1, faults=20, pupils=16_501))
    assert not told(slow, 0, Plan(minutes=2, seed=1, faults=20, pupils=16_000))
    assert "149.0 pupils/s registered, FEWER than 150" in capsys.readouterr().out
