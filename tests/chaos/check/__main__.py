"""`python -m tests.chaos.check STACK_JSON`: every invariant on a running stack, as JSON.

`{invariant: [count, first witnesses]}` on standard output; with `--sums`, for a stack too large for that, `{what is not
alike: first witnesses}`. Exit status: 0 when all hold, 1 when one is violated, 2 when
what was asked for cannot be done.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka.errors import KafkaError

from tests.chaos.check import heads_of, quiesce, verify
from tests.chaos.check.comparing import compared
from tests.chaos.check.reporting import described
from tests.chaos.check.world import Head

VIOLATED, UNUSABLE = 1, 2


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.chaos.check", description=__doc__)
    parser.add_argument("stack", nargs="?", type=Path, metavar="STACK_JSON", help="stack.json of a running stack")
    parser.add_argument("--journals", type=Path, help="the folder of the clients' journals (*.jsonl)")
    parser.add_argument(
        "--instant", action="store_true", help="only what must hold at every instant; without it the stack must rest"
    )
    parser.add_argument("--within", type=float, default=60.0, help="seconds to wait for rest (60)")
    parser.add_argument(
        "--heads", type=Path, help="ends of audit chains: those in the file must be part of today's, which replace them"
    )
    parser.add_argument("--protect", type=Path, help="names, numbers, phones, one a line, that nobody may find")
    parser.add_argument("--sums", action="store_true", help="compare databases by sums: for more than 100,000 pupils")
    parser.add_argument("--list", action="store_true", help="list the invariants and end")
    return parser


def main() -> int:
    """The exit status."""
    asked = _arguments().parse_args()
    if asked.list:
        for number, kinds, title, remark in described():
            sys.stdout.write(f"{number:4} {kinds:4} {title}{f' ({remark})' if remark else ''}\n")
        return 0
    if asked.stack is None:
        sys.stderr.write("Which stack? Name its stack.json; `make run` writes .local/stack.json.\n")
        return UNUSABLE
    try:
        stack: dict[str, Any] = json.loads(asked.stack.read_text("utf-8"))
        if asked.journals is not None and not asked.journals.is_dir():
            raise NotADirectoryError(asked.journals)
        return asyncio.run(_check(stack, asked))
    except KeyError as error:
        sys.stderr.write(f"{asked.stack} describes no stack: {error} is missing.\n")
    except json.JSONDecodeError as error:
        sys.stderr.write(f"{asked.stack} is no JSON: {error}\n")
    except (OSError, KafkaError, asyncpg.PostgresError) as error:
        sys.stderr.write(f"The stack cannot be looked at: {type(error).__name__}: {error}\n")
    return UNUSABLE


async def _check(stack: dict[str, Any], asked: argparse.Namespace) -> int:
    began = time.monotonic()
    restless = ""
    if not asked.instant:
        try:
            await quiesce(stack, asked.within)
        except AssertionError as error:
            restless = str(error)
    if asked.sums:
        unlike = {**await compared(stack, asked.journals), **({"at rest": [restless]} if restless else {})}
        sys.stdout.write(json.dumps(unlike, ensure_ascii=False, indent=1) + "\n")
        return VIOLATED if unlike else 0
    heads = _read_heads(asked.heads) if asked.heads and asked.heads.exists() else []
    protected = asked.protect.read_text("utf-8").split() if asked.protect else []
    report = await verify(stack, asked.journals, quiet=not asked.instant, heads=heads, protected=protected)
    found = report.as_json()
    if restless:
        found["at rest"] = restless
    sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
    sys.stderr.write(f"{len(report.violations)} of {len(report.checked)} violated, {time.monotonic() - began:.1f} s\n")
    if asked.heads and report.is_clean and report.world is not None:
        lines = [f"{name} {chain} {seq} {digest.hex()}\n" for name, chain, seq, digest in heads_of(report.world)]
        asked.heads.write_text("".join(lines))
    return 0 if report.is_clean and not restless else VIOLATED


def _read_heads(path: Path) -> Sequence[Head]:
    found = []
    for line in path.read_text().splitlines():
        name, chain, seq, digest = line.split()
        found.append((name, int(chain), int(seq), bytes.fromhex(digest)))
    return found


if __name__ == "__main__":
    sys.exit(main())
