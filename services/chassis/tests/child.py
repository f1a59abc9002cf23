"""A process of the tests' own that speaks, relays or consumes, to be killed: `python -m services.chassis.tests.child`.

What it does is in the environment variable CHILD as JSON: role, dsn, kafka, keys, suffix, and `number` for a speaker.
"""

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text

from chassis.consuming import Received, Subscribers
from chassis.settings import ServiceSettings
from chassis.transaction import Database, Tx
from services.chassis.tests.conftest import Answered, Asked, Reported, ThingChanged, Topics, builders_of, make_topics

EFFECT = text(
    "INSERT INTO effect (subject, number, event_id, version)"
    " SELECT * FROM unnest(cast(:s AS uuid[]), cast(:n AS integer[]), cast(:i AS uuid[]), cast(:v AS bigint[]))"
)


async def note_effects(tx: Tx, received: Sequence[Received[Asked | Answered | ThingChanged | Reported]]) -> None:
    """One row for each event: what was done, once."""
    await tx.execute(
        EFFECT,
        {
            "s": [each.subject for each in received],
            "n": [each.event.number for each in received],
            "i": [each.id for each in received],
            "v": [each.version for each in received],
        },
    )


def taker(topics: Topics) -> Subscribers:
    """Hears everything."""
    found = Subscribers("taker")
    found.hear(topics.talk, Asked, Answered)(note_effects)
    found.hear(topics.thing, ThingChanged)(note_effects)
    found.hear(topics.secret, *topics.secret.events)(note_effects)
    found.hear(topics.report, Reported)(note_effects)
    return found


def open_database(told: dict[str, Any], topics: Topics) -> Database:
    keys = Path(told["keys"])
    settings = ServiceSettings(
        database=told["dsn"], kafka=told["kafka"], keys=keys, token_public_keys=keys, data=keys.parent,
        batch=told.get("batch", 500), replica=told.get("replica", "0"), spacing=told.get("spacing", 0.3),
    )  # fmt: skip
    return Database(settings, builders_of(topics), topics=topics.all)


async def speak(database: Database, topics: Topics, number: int) -> None:
    """Say `number` facts, each in a transaction, each at most once however often this is begun again."""
    subject = UUID(int=1)
    for n in range(1, number + 1):
        async with database.transaction() as tx:
            written = await tx.execute(
                text("INSERT INTO thing (id, number) VALUES (:id, :n) ON CONFLICT DO NOTHING"),
                {"id": UUID(int=n), "n": n},
            )
            if written.rowcount:
                tx.say(subject, Asked(number=n))
                tx.touch(topics.thing, [UUID(int=n)])
                tx.note("thing.made", [("thing", UUID(int=n))])


async def main() -> None:
    told = json.loads(os.environ["CHILD"])
    topics = make_topics(told["suffix"])
    database = open_database(told, topics)
    if told["role"] == "speak":
        await speak(database, topics, told["number"])
    elif told["role"] == "relay":
        from chassis.relay import Relay, leading

        if "silence" in told:  # how long a leader may be silent, in milliseconds
            leading._SETTINGS["idle_session_timeout"] = told["silence"]
            leading._BEAT = int(told["silence"]) / 4000
        await Relay(database, f"maker{told['suffix']}").run()
    else:
        from chassis.consuming import Listeners  # the import of FastStream is waited for only here

        await Listeners(database, taker(topics)).run()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main())
