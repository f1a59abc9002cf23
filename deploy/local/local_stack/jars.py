"""Apache Kafka's jars: fetched once into the user's cache, checked against the sums in this package."""

import fcntl
import hashlib
import logging
import os
import shutil
import tempfile
import warnings
from pathlib import Path

from local_stack.refusing import CannotStartError

KAFKA_VERSION = "4.3.1"
# Resolved one by one: together, the second would lend the first its old `kafka-clients`.
COORDINATES = (f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4")
SUMS = Path(__file__).with_name("kafka_jars.sha256")


def cache_folder() -> Path:
    """Where what was fetched stays, apart from any checkout: `make clean` does not fetch again.

    `STACK_CACHE` names another folder.
    """
    named = os.environ.get("STACK_CACHE")
    if named:
        return Path(named).resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "student-registry"


def expected() -> dict[str, str]:
    """File name → SHA-256 of each jar."""
    pairs = (line.split() for line in SUMS.read_text().splitlines() if line.strip())
    return {name: digest for digest, name in pairs}


def are_here() -> bool:
    """Whether nothing has to be fetched."""
    return all((cache_folder() / f"kafka-{KAFKA_VERSION}" / name).is_file() for name in expected())


def kafka_jars() -> list[Path]:
    """The jars for the class path, in a fixed order. Takes about 15 s and the network the first time only.

    Raises CannotStartError when they cannot be fetched or are not the ones expected.
    """
    jars = expected()
    folder = cache_folder() / f"kafka-{KAFKA_VERSION}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (folder.parent / "kafka.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not all((folder / name).is_file() for name in jars):
                _fetch(folder, jars)
    except PermissionError as error:
        raise CannotStartError(
            f"The cache {folder.parent} cannot be written ({error.strerror}); set STACK_CACHE to a folder of yours."
        ) from error
    return [folder / name for name in sorted(jars)]


def _fetch(folder: Path, jars: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as scratch:
        try:
            found = _resolve(Path(scratch) / "cache")
        except Exception as error:
            raise CannotStartError(
                f"Kafka's jars could not be fetched from Maven Central ({_reason(error)}); "
                f"connect to the network once, or put the {len(jars)} files of {SUMS.name} into {folder}."
            ) from error
        whole = Path(scratch) / "jars"
        whole.mkdir()
        for jar in found:
            if jar.name in jars:
                shutil.copyfile(jar, whole / jar.name)
        for name, digest in jars.items():
            if not (whole / name).is_file() or hashlib.sha256((whole / name).read_bytes()).hexdigest() != digest:
                raise CannotStartError(
                    f"The jar {name} is not the one this version was built with (see {SUMS.name}); nothing was kept."
                )
        shutil.rmtree(folder, ignore_errors=True)
        whole.rename(folder)


def _reason(error: BaseException) -> str:
    """What went wrong at the bottom: what is told above it names objects of libraries."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return (isinstance(error, OSError) and error.strerror) or f"{type(error).__name__}: {error}"


def _resolve(cache: Path) -> list[Path]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import jgo

        logging.getLogger("jgo").setLevel(logging.ERROR)
        return [Path(jar) for coordinates in COORDINATES for jar in jgo.build(coordinates, cache_dir=cache).all_jars]
