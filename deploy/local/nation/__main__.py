"""`python -m nation`: the national system, played by a simulator, until SIGTERM."""

import asyncio
import signal
import sys
from contextlib import suppress

from chassis.reviving import ended
from chassis.settings import SettingsRefused
from chassis.telemetry.logs import configure_logs
from nation.program import Nation
from nation.settings import NationSettings
from nation.web import serve


async def run(settings: NationSettings) -> int:
    """0 after SIGTERM or SIGINT, 1 when the work ended by itself."""
    nation = Nation(settings)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = await serve(nation, settings.host, settings.port)
    work = asyncio.create_task(nation.run())
    await asyncio.wait({work, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
    failed = work.done()
    work.cancel()
    server.close()
    with suppress(asyncio.CancelledError):
        await work
    nation.store.close()
    return int(failed)


def main() -> None:
    """Read the settings and run; a missing one is one sentence."""
    try:
        settings = NationSettings.read()
    except SettingsRefused as error:
        sys.exit(str(error))
    configure_logs("nation", settings.log_level)
    ended(lambda: asyncio.run(run(settings)), is_revived=settings.revived)


if __name__ == "__main__":
    main()
