"""A ZIP of photos, read with suspicion: names in GBK or UTF-8, every member with a cap, nothing written to disk."""

import io
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from zlib import error as zlib_error

from photo.checks import LARGEST_FILE
from photo.errors import ArchiveRefused

LARGEST_ARCHIVE = 200 * 1024 * 1024
MOST_FILES = 5_000
MOST_INFLATED = 2 * 1024 * 1024 * 1024
MOST_TIMES = 200
"""A member that inflates more than this often is no photo."""
PHOTO_ENDINGS = frozenset({".jpg", ".jpeg", ".png"})
_PACKED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""What zip programs write. The others may ask for gigabytes before the first byte comes out."""
LITTER = frozenset({"thumbs.db", ".ds_store", "desktop.ini"})
NAMELESS = "（没有文件名）"


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive."""

    number: int
    """1 for the first; the same in every reading of the same archive."""
    name: str
    """As the clerk named it, without folders."""
    stem: str
    trouble: str | None
    """Code of why it is not read."""
    info: zipfile.ZipInfo


class Archive:
    """An opened archive. Raises ArchiveRefused when it is not one, or not one of ours."""

    def __init__(self, data: bytes) -> None:
        if len(data) > LARGEST_ARCHIVE:
            raise ArchiveRefused("archive-too-large")
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, zipfile.LargeZipFile, ValueError, OSError, NotImplementedError, EOFError) as error:
            raise ArchiveRefused("archive-not-a-zip") from error
        # `is_dir` fails on a name that is empty, or begins with a NUL.
        infos = [info for info in self._zip.infolist() if not info.filename.endswith("/")]
        if len(infos) > MOST_FILES:
            raise ArchiveRefused("archive-too-many-files")
        if any(info.flag_bits & 0x1 for info in infos):
            raise ArchiveRefused("archive-encrypted")
        if sum(info.file_size for info in infos) > MOST_INFLATED:
            raise ArchiveRefused("archive-bomb")
        self.members = tuple(_members(infos))
        if not self.members:
            raise ArchiveRefused("archive-empty")

    def read(self, member: Member) -> bytes | str:
        """The bytes of a member, or the code of why it cannot be read. Declared sizes are not believed."""
        if member.trouble is not None:
            return member.trouble
        try:
            with self._zip.open(member.info) as stream:
                content = stream.read(LARGEST_FILE + 1)
        except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError, zlib_error):
            return "photo-damaged"
        if len(content) > LARGEST_FILE:
            return "photo-too-large"
        return content


def _members(infos: list[zipfile.ZipInfo]) -> Iterator[Member]:
    number = 0
    for info in infos:
        path = PurePosixPath(_name(info).replace("\\", "/"))
        if path.name.lower() in LITTER or "__MACOSX" in path.parts:
            continue
        number += 1
        yield Member(number, path.name[:200] or NAMELESS, path.stem, _trouble(info, path), info)


def _trouble(info: zipfile.ZipInfo, path: PurePosixPath) -> str | None:
    if path.is_absolute() or ".." in path.parts or ":" in str(path) or "\0" in info.orig_filename:
        return "file-name-unsafe"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "file-name-unsafe"
    if path.suffix.lower() not in PHOTO_ENDINGS:
        return "file-not-a-photo"
    if info.compress_type not in _PACKED:
        return "photo-damaged"
    if info.file_size > LARGEST_FILE:
        return "photo-too-large"
    if info.file_size > MOST_TIMES * max(info.compress_size, 1):
        return "photo-damaged"
    return None


def _name(info: zipfile.ZipInfo) -> str:
    """A member's name. Windows tools write GBK without saying so, which the library reads as cp437."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        raw = info.filename.encode("cp437")
    except UnicodeEncodeError:
        return info.filename
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.filename
