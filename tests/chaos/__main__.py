"""`python -m tests.chaos --tier 2 --seed 7`: do it to a running system, ask the oracle, write the page.

Exit status: 0 when everything held, 1 when something was violated or when a dose was missed by more than a tenth (but
for a run that `--minutes` made shorter), 2 when what was asked for cannot be done, 130 when it was cut short: the same
seed goes on.
"""

import argparse
import asyncio
import logging
import os
import random
import signal
import sys

from local_stack.launcher import default_folder
from local_stack.refusing import CannotStartError
from tests.chaos.page import report, write_page
from tests.chaos.run import Run, forget_stack, printed
from tests.chaos.tiers import tier

VIOLATED, UNUSABLE, CUT_SHORT = 1, 2, 130


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser("python -m tests.chaos", description=__doc__)
    parser.add_argument("--tier", type=int, choices=(1, 2), default=2, help="1: minutes; 2: up to an hour")
    parser.add_argument("--seed", type=int, help="goes on with a run of this seed that was cut short (CHAOS_SEED)")
    parser.add_argument("--minutes", type=float, help="begin no round that would end later")
    parser.add_argument("--rounds", type=int, help="rest and check so often; the dose is shared among them")
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else int(os.environ.get("CHAOS_SEED") or random.randrange(1, 10**6))
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    wanted = tier(asked.tier, asked.minutes, asked.rounds)
    folder = default_folder() / "chaos" / str(seed)
    run = Run(wanted, seed, folder, printed)
    printed(f"tier {wanted.number}, seed {seed}: {folder}")
    if len(run.rounds) >= wanted.rounds:
        printed(f"this run is finished; its page: {write_page(run)}")
        status, said = verdict(run)
        printed(said)
        return status
    # Also where a shell has put it into the background and out of the reach of Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))  # the stack is stopped either way
    try:
        asyncio.run(run.go())
    except (CannotStartError, RuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return UNUSABLE
    except KeyboardInterrupt:
        printed(f"cut short; the same command with --seed {seed} goes on with round {len(run.rounds)}")
        return CUT_SHORT
    finally:
        page = write_page(run)
    printed(f"the page: {page}")
    if is_clean(run) and len(run.rounds) >= wanted.rounds:
        forget_stack(folder)
    status, said = verdict(run)
    printed(said)
    return status


def is_clean(run: Run) -> bool:
    """Whether every round was."""
    return all(each.is_clean for each in run.rounds)


def verdict(run: Run) -> tuple[int, str]:
    """The exit status, and why. Recovery that took longer than its target stands on the page and changes nothing."""
    if not is_clean(run):
        return VIOLATED, f"VIOLATED; the evidence stays in {run.folder}"
    left = run.tier.rounds - len(run.rounds)
    goes_on = f"; {left} rounds are left: the same command with --seed {run.seed} goes on" if left > 0 else ""
    if too_little := report(run)["too_little"]:
        status = 0 if run.tier.shortened else VIOLATED
        return status, f"every invariant held, but too little was done: {'; '.join(too_little)}{goes_on}"
    return 0, f"every invariant held{goes_on}"


if __name__ == "__main__":
    sys.exit(main())
