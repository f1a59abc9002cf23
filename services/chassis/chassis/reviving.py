"""A process that is begun again from memory: most of a start is imports, and a fork has them (decision 14)."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog

from chassis import collecting, crash

log = structlog.get_logger("chassis.reviving")
STEADY_AFTER: Final = 2.0
"""Seconds of life after which a death counts as the first one again."""
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 2.0
_HANDED_ON: Final = (signal.SIGTERM, signal.SIGINT)
_PR_SET_PDEATHSIG: Final = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def revived(work: Callable[[], int]) -> int:
    """Run the work in a child; whenever a signal has killed that, run it in another.

    Returns the child's exit code once it ends by itself. SIGTERM and SIGINT are handed on to the child, and after one
    of them nobody is begun again. When this process dies, its child dies with it. To be called while there is one
    thread, no event loop and no connection: nothing of them survives a fork. A crash point is for the first child only.
    """
    told = False
    child = 0

    def hand_on(number: int, _frame: object) -> None:
        nonlocal told
        told = True
        if child:
            with suppress(ProcessLookupError):  # buried a moment ago
                os.kill(child, number)

    # What the collector does not touch is not copied, and stays shared with the child.
    collecting.settled()
    for each in _HANDED_ON:
        signal.signal(each, hand_on)
    pause = 0.0
    while True:
        began = time.monotonic()
        # A signal that comes between the fork and the next line would find no child to be handed on to.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HANDED_ON)
        child = _forked(work)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDED_ON)
        status = _end_of(child)
        child = 0
        if told or os.WIFEXITED(status):
            return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1
        crash.disarm()
        pause = 0.0 if time.monotonic() - began > STEADY_AFTER else min(max(pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
        log.warning("process.killed", signal=os.WTERMSIG(status), again_in=pause)
        time.sleep(pause)
        if told:
            return 0


def _end_of(child: int) -> int:
    """The status with which the child ends. In a container the orphans of a killed child are ours, and buried too."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == child:
            return status


def _forked(work: Callable[[], int]) -> int:
    """The id of a child that does the work, in a session of its own: Ctrl-C on a terminal reaches it once, by us."""
    keeper = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.setsid()
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() == keeper:  # else it died before the line above
            for each in _HANDED_ON:
                signal.signal(each, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDED_ON)
            code = work()
    except BaseException:  # nothing of the keeper's own code may run in a child
        log.exception("process.failed")
    finally:
        sys.stdout.flush()
        os._exit(code)


def ended(work: Callable[[], int], *, is_revived: bool) -> None:
    """Run the work, revived where that is wanted, and end this process with its exit code.

    Everything is closed then; taking the interpreter apart would cost another third of a second.
    """
    code = revived(work) if is_revived else work()
    sys.stdout.flush()
    os._exit(code)
