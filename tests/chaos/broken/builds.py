"""Three mistakes that look harmless, each as a change of the source, and the tests that must find it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """One place of the source, as it is and as it would be."""

    file: str
    is_: str
    would_be: str


@dataclass(frozen=True)
class Build:
    """A mistake and the fastest tests that catch it, each of them."""

    name: str
    changes: Sequence[Change]
    caught_by: Mapping[str, str]
    """Test → the assertion that fails there, as the test writes it: who fails otherwise has caught nothing."""


_DATABASE = "services/chassis/chassis/transaction/database.py"
_LISTENING = "services/chassis/chassis/consuming/listening.py"
_ADMISSION = "services/chassis/chassis/consuming/admission.py"
_TESTS = "services/chassis/tests"

BUILDS = (
    Build(
        "outbox written after the commit",
        [
            Change(
                _DATABASE,
                """\
            if tx.noted:
                await flush(tx, self)
            if not consuming:
                crash.point("cmd.before_commit")
            await whole(connection.commit())
""",
                """\
            if not consuming:
                crash.point("cmd.before_commit")
            await whole(connection.commit())
            if tx.noted:
                await flush(tx, self)
                await whole(connection.commit())
""",
            )
        ],
        {
            f"{_TESTS}/test_crashes.py::test_a_speaker_killed_at_any_line_says_all_or_nothing[audit.after_insert]": (
                "assert [(row.version, row.number) for row in rows] == [(n, n) for n in range(1, 9)]"
            )
        },
    ),
    Build(
        "offsets committed before the database",
        [
            Change(
                _LISTENING,
                """\
        try:
            await self.settling.settle(records)
""",
                """\
        early = _offsets(self.topic, come)
        await self._commit(consumer, {place: last + 1 for place, (_, last) in early.items()})
        try:
            await self.settling.settle(records)
""",
            )
        ],
        {
            f"{_TESTS}/test_crashes.py::test_a_consumer_killed_at_any_line_has_each_effect_once[consume.mid_tx]": (
                "await eventually(each_once, within=60)"
            )
        },
    ),
    Build(
        "check of the watermark removed",
        [
            Change(
                _ADMISSION,
                """\
            if order <= mark.order:
                plan.compare(record, mark)
            elif mark.held == "parked":
                plan.park(record, BEHIND)
            elif not mark.precedes(order):
                pool.setdefault(order, record)
                plan.wait(record)
            elif fault""",
                """\
            if mark.held == "parked":
                plan.park(record, BEHIND)
            elif fault""",
            ),
            Change(
                _ADMISSION,
                """\
            if _order(record) <= mark.order:
                plan.compare(record, mark)
            elif fault""",
                """\
            if fault""",
            ),
        ],
        {
            f"{_TESTS}/test_hearing.py::test_facts_have_their_effect_once_and_in_order": (
                'assert await deliver(database, subscribers, talk) == ["seen"] * 4'
            ),
            f"{_TESTS}/test_hearing.py::test_a_gap_waits_for_what_is_missing": (
                "assert await deliver(database, subscribers, [said[0], said[3], said[2]])"
            ),
            f"{_TESTS}/test_hearing.py::test_only_the_newest_state_of_a_batch_is_handed_over": (
                "assert await deliver(database, subscribers, [said[1], said[5], said[2]])"
            ),
        },
    ),
)
"""Found in a code review they would be discussed; here they must be found without one."""
