"""How the nation is told to behave: `NATION_*`."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chassis.settings import ProcessSettings

Share = float
"""0.0 for never, 1.0 for always."""


class NationSettings(ProcessSettings):
    """Where it listens, and how often it does what a real counterpart does on a bad day."""

    model_config = SettingsConfigDict(env_prefix="NATION_")

    kafka: str
    """Bootstrap addresses, separated by commas."""
    keys: Path
    """The key file with the wire keys of the two topics."""
    data: Path
    """The folder of its own store."""
    seed: int = 1
    """The same seed judges the same records alike, whatever the order in which they come."""
    batch: int = Field(default=1000, ge=1)
    rejects: Share = Field(default=0.01, ge=0, le=1)
    """Share of records that it refuses although nothing is wrong with them."""
    problems: Share = Field(default=0.02, ge=0, le=1)
    """Share of records on which it opens a problem record 问题学籍."""
    numbers: Share = Field(default=1.0, ge=0, le=1)
    """Share of records taken for which it issues a number, once a pupil."""
    delays: Share = Field(default=0.0, ge=0, le=1)
    """Share of answers that come late."""
    delay: timedelta = timedelta(seconds=5)
    """How late at most."""
    repeats: Share = Field(default=0.0, ge=0, le=1)
    """Share of answers that come two to five times, under other ids."""
    reorders: Share = Field(default=0.0, ge=0, le=1)
    """Share of answers that change places within a batch."""
    silent: Share = Field(default=0.0, ge=0, le=1)
    """Share of records that it never answers; said again under a newer version, they are judged anew."""
