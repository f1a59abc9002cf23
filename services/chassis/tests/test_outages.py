"""What an exception means, also when several tasks failed together."""

import pytest

from chassis.outages import is_conflict, is_outage, is_unreadable


class FromPostgres(Exception):  # noqa: N818 - whatever the driver calls it
    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def together(*errors: Exception) -> ExceptionGroup[Exception]:
    return ExceptionGroup("unhandled errors in a TaskGroup", errors)


@pytest.mark.parametrize(
    ("error", "outage", "conflict", "unreadable"),
    [
        (together(ConnectionError()), True, False, False),
        (together(FromPostgres("57P01"), TimeoutError()), True, False, False),
        (together(together(FromPostgres("08006"))), True, False, False),
        (together(FromPostgres("40P01")), False, True, False),
        (together(FromPostgres("22021")), False, False, True),
        # A fault of ours beside an outage is told as a fault.
        (together(ConnectionError(), ZeroDivisionError()), False, False, False),
        (together(ZeroDivisionError()), False, False, False),
    ],
)
def test_what_failed_together_means_what_all_of_it_means(
    error: Exception, outage: bool, conflict: bool, unreadable: bool
) -> None:
    assert (is_outage(error), is_conflict(error), is_unreadable(error)) == (outage, conflict, unreadable)
