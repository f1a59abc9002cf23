"""PostgreSQL refuses to run as root: who runs it then, and how."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from local_stack.refusing import CannotStartError

NAME = "student-registry"


@dataclass(frozen=True, slots=True)
class SystemUser:
    """The account that a server runs under when the launcher itself is root; `None` ids mean: as I am."""

    uid: int | None
    gid: int | None

    def owns(self, folder: Path) -> None:
        """Give the folder to this user."""
        if self.uid is not None and self.gid is not None:
            os.chown(folder, self.uid, self.gid)

    def prefix(self, *needed: Path, orphan_signal: str = "INT") -> list[str]:
        """The words before a command that make it run as this user.

        `needed` are the folders it must reach; below a private folder (a checkout in /root) it keeps the one
        capability that lets it pass, so that nobody's home is opened to everybody.
        """
        if self.uid is None:
            return []
        words = ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups", "--no-new-privs"]
        words.append(f"--pdeathsig={orphan_signal}")
        if any(not _is_reachable(path) for path in needed):
            words += ["--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"]
        else:
            words += ["--inh-caps=-all"]
        return [*words, "--"]


def system_user() -> SystemUser:
    """Myself, or as root an unprivileged account: `student-registry`, created when missing, else `nobody`.

    Raises CannotStartError when root lacks the tool that changes the user.
    """
    if os.geteuid() != 0:
        return SystemUser(None, None)
    if shutil.which("setpriv") is None:
        raise CannotStartError(
            "PostgreSQL does not run as root and `setpriv` is missing: install util-linux, or start as another user."
        )
    if not _exists(NAME) and shutil.which("useradd"):
        subprocess.run(
            [
                "useradd",
                "--system",
                "--no-create-home",
                "--home-dir",
                "/nonexistent",
                "--shell",
                "/usr/sbin/nologin",
                NAME,
            ],
            check=False,
            capture_output=True,
        )
    entry = pwd.getpwnam(NAME if _exists(NAME) else "nobody")
    return SystemUser(entry.pw_uid, entry.pw_gid)


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _is_reachable(path: Path) -> bool:
    """Whether everybody may pass through all the folders above."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)
