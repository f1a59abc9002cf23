"""Named lines at which a process can be killed on purpose, so that every window of a few microseconds is tried."""

import os
import signal
from typing import Final

POINTS: Final = frozenset(
    {
        "cmd.before_commit",
        "cmd.after_commit_before_reply",
        "relay.after_fetch",
        "relay.after_send_before_ack",
        "relay.after_ack_before_mark",
        "relay.after_mark",
        "consume.before_tx",
        "consume.mid_tx",
        "consume.after_tx_before_offset",
        "consume.after_offset",
        "dlq.after_park_before_offset",
        "audit.after_insert",
        "import.mid_chunk",
        "import.after_chunk",
        "photo.after_tmp_write",
        "photo.after_rename_before_row",
        "photo.after_row",
        "ack.after_receive_before_tx",
        "saga.timer_fired_before_tx",
        "migrate.mid",
        "login.after_rehash",
    }
)
"""Every point there is; the rig reaches each. None is about a post to the nation: a record is said through the outbox
and answered on a topic, so its windows are those of the relay and of consuming."""


def _asked() -> tuple[str, int]:
    """The point of `CRASH_AT` and the pass at which it kills; ("", 0) when none is asked for.

    Raises ValueError for a point that does not exist: a test that waits for it would prove nothing.
    """
    name, _, number = os.environ.get("CRASH_AT", "").partition(":")
    if name and name not in POINTS:
        raise ValueError(f"CRASH_AT={name} is no crash point; known are {', '.join(sorted(POINTS))}.")
    return name, int(number or 1) if name else 0


_name, _left = _asked()


def point(name: str) -> None:
    """Kill this process with SIGKILL when `CRASH_AT` names the point and this is the n-th pass of it."""
    global _left
    if name == _name:
        _left -= 1
        if _left == 0:
            os.write(2, f'{{"event": "crash.point", "point": "{name}"}}\n'.encode())
            os.kill(os.getpid(), signal.SIGKILL)
    elif name not in POINTS:
        raise ValueError(f"{name} is no crash point; add it to chassis.crash.POINTS.")


def disarm() -> None:
    """From now on no point kills this process."""
    global _left
    _left = 0
