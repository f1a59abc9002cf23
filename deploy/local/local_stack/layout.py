"""Where the local stack keeps what: one folder, ignored by git, that `make clean` removes."""

import fcntl
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_stack.refusing import CannotStartError

LOG_KEPT = 20 * 2**20


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths below the stack's folder."""

    root: Path

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def kafka(self) -> Path:
        return self.root / "kafka"

    @property
    def ports(self) -> Path:
        return self.root / "ports.json"

    @property
    def description(self) -> Path:
        """`stack.json`: tells other tools where everything is, while it runs."""
        return self.root / "stack.json"

    @property
    def accounts(self) -> Path:
        return self.root / "accounts.json"

    @property
    def first_account(self) -> Path:
        """Login and first password of the province's administrator, as `found-province` writes them."""
        return self.secrets / "first-account.json"

    @property
    def sample(self) -> Path:
        return self.root / "sample"

    def objects(self, service: str) -> Path:
        """The folder for a service's objects (photos, evidence, uploads)."""
        return self.root / "objects" / service

    def log(self, name: str) -> Path:
        """The log of one program."""
        return self.logs / f"{name}.log"

    def next_start(self, name: str) -> Path:
        """Environment variables, as JSON, that only the next start of this program is given; then the file goes."""
        return self.root / "next-start" / f"{name}.json"

    def prepare(self) -> None:
        """Create the folders; put aside logs that have grown.

        Raises CannotStartError when the folder cannot be written.
        """
        try:
            for folder in (self.root, self.secrets, self.logs, self.sample):
                folder.mkdir(parents=True, exist_ok=True)
            self.secrets.chmod(0o700)
            for log in self.logs.glob("*.log"):
                if log.stat().st_size > LOG_KEPT:
                    log.rename(log.with_suffix(".log.1"))
        except OSError as error:
            raise CannotStartError(
                f"The folder {self.root} cannot be written ({error.strerror}): "
                "run as its owner, or remove it with `make clean`."
            ) from error
        if not all(os.access(folder, os.W_OK | os.X_OK) for folder in (self.root, self.secrets, self.logs)):
            raise CannotStartError(
                f"The folder {self.root} cannot be written by this user: run as its owner, or remove it."
            )

    def lock(self) -> int:
        """A descriptor that holds this folder for this process until it is closed or the process ends.

        Raises CannotStartError when another stack has it.
        """
        held = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(held, 32).decode() or "unknown"
            os.close(held)
            raise CannotStartError(
                f"Another stack (process {holder.strip()}) runs on {self.root}: stop it with Ctrl-C there first."
            ) from None
        os.ftruncate(held, 0)
        os.write(held, str(os.getpid()).encode())
        return held


def read_json(file: Path) -> dict[str, Any]:
    """The object in the file; empty when there is none or it was half written."""
    with suppress(OSError, ValueError):
        found = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return found
    return {}


def write_json(file: Path, content: dict[str, Any]) -> None:
    """Replace the file at once; only its owner may read it."""
    write_text(file, json.dumps(content, ensure_ascii=False, indent=2) + "\n")


def write_text(file: Path, content: str) -> None:
    """Replace the file at once; only its owner may read it."""
    growing = file.with_name(file.name + ".growing")
    growing.touch(mode=0o600)
    growing.write_text(content, encoding="utf-8")
    growing.replace(file)
