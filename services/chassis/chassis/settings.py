"""What a process can be told from outside, as variables of its own prefix: `REGISTRY_PORT`, `PORTAL_HOST`, …"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import Field, FilePath, ValidationError
from pydantic_settings import BaseSettings

MEBIBYTE = 1024 * 1024


class SettingsRefused(Exception):  # noqa: N818 - the house's word for a sentence to a person
    """The process cannot start: a sentence that names each variable and what is wrong with it."""


class Settings(BaseSettings):
    """What can be told from outside. A subclass sets `env_prefix`."""

    @classmethod
    def read(cls) -> Self:
        """The settings of the environment, and of the files in the folder `SECRETS_DIR` where that is set.

        Raises SettingsRefused.
        """
        folder = os.environ.get("SECRETS_DIR")
        try:
            return cls(_secrets_dir=folder) if folder else cls()
        except ValidationError as error:
            prefix = cls.model_config.get("env_prefix", "")
            raise SettingsRefused(" ".join(_sentence(prefix, each) for each in error.errors())) from None


class ProcessSettings(Settings):
    """What every process needs that answers HTTP."""

    host: str = "127.0.0.1"
    """The address to listen on; nobody outside this machine reaches it unless somebody decides so."""
    port: int = 8000
    log_level: str = "INFO"
    revived: bool = False
    """When it is killed, begin it again at once from memory; otherwise that is left to whoever started it."""
    otlp_endpoint: str | None = None
    """Where traces are sent, `http://collector:4318`; nowhere when it is not set."""
    largest_body: int = MEBIBYTE
    """Bytes of a request's body, except on routes that declare an upload."""
    request_within: timedelta = timedelta(seconds=60)
    """A request that takes longer is answered 503, and what it did is rolled back."""


class ServiceSettings(ProcessSettings):
    """What every service needs: its database, the broker, its keys, a folder."""

    database: str = Field(repr=False, pattern=r"^postgresql\+asyncpg://")
    """`postgresql+asyncpg://…`; it holds a password."""
    kafka: str
    """Bootstrap addresses, separated by commas."""
    keys: FilePath
    """The key file of this service."""
    token_public_keys: FilePath
    """Keys that tokens are verified with: a JWKS, or a key file that has `token_public`."""
    data: Path
    """The folder for objects."""
    objects: str | None = None
    """An object store (`s3://bucket/prefix`) instead of the folder."""
    replica: str = "0"
    """The number of this replica; a restarted replica with the same number takes its partitions back at once."""
    partitions_cap: int | None = None
    """At most this many partitions a topic, on a laptop."""
    batch: int = 1000
    """Events of one transaction."""
    spacing: float = Field(default=0.3, ge=0, le=5)
    """Seconds from the beginning of a small batch to the next of the same topic, and between two small rounds of the
    relay: under a steady trickle they grow instead of following on each other's heels. What comes after a silence never
    waits. Source: decision 16."""
    audit_every: timedelta = Field(default=timedelta(days=1), gt=timedelta(0))
    """From one comparison of the service's topics with its outbox to the next; the first comes an hour after a worker's
    start, or sooner where this is less."""
    pool: int = 10
    """Connections to the database."""

    @property
    def objects_url(self) -> str:
        """Where objects are, as a URL for obstore."""
        return self.objects or self.data.resolve().as_uri()


def _sentence(prefix: str, error: object) -> str:
    assert isinstance(error, dict)
    name = (prefix + "_".join(str(part) for part in error["loc"])).upper()
    if error["type"] == "missing":
        return f"{name} is not set: set it in the environment or as a file in SECRETS_DIR."
    return f"{name} cannot be used: {error['msg']}."
