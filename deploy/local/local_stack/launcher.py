"""One stack from start to end: what `make run` does."""

import asyncio
import os
import signal
import time
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from local_stack import jars
from local_stack.layout import Layout, read_json, write_json
from local_stack.plan import Choices, Plan
from local_stack.refusing import CannotStartError
from local_stack.screen import Screen
from local_stack.supervisor import Supervisor

STOPPED_WITHIN = 9.5
"""Seconds after which what still runs is killed."""
INSISTED_AFTER = 0.5
"""Seconds from the first Ctrl-C on in which another one is the same: some wrappers hand one on twice."""
ENDED_AT_ONCE = 130
"""The exit status after a second Ctrl-C, as a shell tells it."""


async def up(layout: Layout, choices: Choices, then: Sequence[Sequence[str]] = ()) -> int:
    """Start the stack, run the commands of `then` one after the other, wait for Ctrl-C or SIGTERM, stop everything.

    The exit status: 0 after a clean stop, 1 when something could not start or a command failed, 130 when a second
    Ctrl-C ended everything at once.
    """
    layout.prepare()
    held = layout.lock()
    screen = Screen(layout.log("stack"))
    asked = Asked()
    try:
        return await _run(layout, choices, then, screen, asked)
    finally:
        with suppress(FileNotFoundError):
            layout.description.unlink()
        os.close(held)


async def _run(layout: Layout, choices: Choices, then: Sequence[Sequence[str]], screen: Screen, asked: "Asked") -> int:
    began = time.monotonic()
    plan = Plan(layout, choices)
    supervisor = Supervisor(
        plan.units(),
        told=screen.told,
        changed=lambda: write_json(layout.description, plan.description(supervisor.pids(), ready=supervisor.is_ready)),
    )
    code = 0
    if not jars.are_here():
        screen.say(f"Apache Kafka {jars.KAFKA_VERSION} is fetched from Maven Central once (44 MB), beside the start.")
    screen.working("Starting PostgreSQL, Kafka, the services and the portal …")
    try:
        if await asked.or_done(supervisor.start()):
            screen.say(f"Everything is ready after {time.monotonic() - began:.1f} s.")
            for command in then:
                code = code or await _run_command(command, layout, asked)
            if not asked.event.is_set():
                _invite(screen, plan, layout)
            await asked.event.wait()
    except CannotStartError as refusal:
        screen.refuse(str(refusal))
        code = 1
    finally:
        screen.working("Stopping … (Ctrl-C again ends everything at once)")
        stopping = time.monotonic()
        clean = await _stop(supervisor, asked)
        if not clean:
            # The folder of its socket; the broker's archive may be half written and is left.
            plan.postgres.tidy()
        if asked.insisted.is_set() and not clean:
            code = ENDED_AT_ONCE
            screen.say("Ended at once, as you asked; the next start recovers what the servers had open.")
        else:
            screen.say(f"Stopped in {time.monotonic() - stopping:.1f} s.")
    return code


async def _stop(supervisor: Supervisor, asked: "Asked") -> bool:
    """Whether everything stopped by itself before time was up and before somebody asked a second time."""
    stopping = asyncio.ensure_future(supervisor.stop())
    insisting = asyncio.ensure_future(asked.insisted.wait())
    await asyncio.wait({stopping, insisting}, timeout=STOPPED_WITHIN, return_when=asyncio.FIRST_COMPLETED)
    insisting.cancel()
    if stopping.done():
        await stopping
        return True
    stopping.cancel()
    await asyncio.wait({stopping})
    await supervisor.kill()
    return False


async def _run_command(command: Sequence[str], layout: Layout, asked: "Asked") -> int:
    """Run one command on this terminal; its exit status, or 0 when it was cut short by Ctrl-C."""
    if asked.event.is_set():
        return 0
    process = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, "STACK_JSON": str(layout.description)}, start_new_session=True
    )
    if not await asked.or_done(process.wait()):
        with suppress(ProcessLookupError):
            process.terminate()
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 1.0)
        if process.returncode is None:
            process.kill()
        return 0
    return process.returncode or 0


def _invite(screen: Screen, plan: Plan, layout: Layout) -> None:
    if plan.choices.servers_only:
        screen.say(f"PostgreSQL and Kafka are up; where: {layout.description}. Ctrl-C stops them.")
        return
    screen.say(f"\n  Portal    [bold]{plan.portal_url}[/]")
    screen.say(f"  Accounts  {layout.accounts}")
    screen.say(f"  Logs      {layout.logs}\n")
    known = read_json(layout.accounts).get("accounts", {})
    width = max((len(login) for login in known), default=0)
    for login, about in known.items():
        # Shown, never logged.
        screen.console.print(f"  {login:<{width}}  {about.get('password')}  {about.get('name')}", markup=False)
    screen.say("\nCtrl-C stops everything.")


class Asked:
    """Whether somebody has asked us to stop; asked a second time by Ctrl-C, we end at once."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.insisted = asyncio.Event()
        self._since = 0.0
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._hear, number)

    def _hear(self, number: signal.Signals) -> None:
        if not self.event.is_set():
            self._since = time.monotonic()
            self.event.set()
        elif number is signal.SIGINT and time.monotonic() - self._since > INSISTED_AFTER:
            self.insisted.set()

    async def or_done(self, work: Coroutine[Any, Any, object]) -> bool:
        """Whether the work was done before somebody asked us to stop; otherwise it is cancelled."""
        task = asyncio.ensure_future(work)
        waiting = asyncio.ensure_future(self.event.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task.done():
            await task
            return True
        task.cancel()
        with suppress(asyncio.CancelledError, CannotStartError):
            await task
        return False


def default_folder() -> Path:
    """`.local` in the checkout, or what STACK_FOLDER says."""
    return Path(os.environ.get("STACK_FOLDER") or Path(__file__).resolve().parents[3] / ".local")
