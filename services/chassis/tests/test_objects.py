"""What is left in a folder by whoever was killed while it wrote."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
from obstore.store import LocalStore

from chassis.objects import LEFT_AFTER, left

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
OLD = NOW - LEFT_AFTER - timedelta(seconds=1)
YOUNG = NOW - LEFT_AFTER + timedelta(seconds=1)


def put(folder: Path, name: str, at: datetime) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"sealed")
    os.utime(file, (at.timestamp(), at.timestamp()))


def files(folder: Path) -> set[str]:
    return {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}


async def test_a_file_that_was_never_finished_is_taken_away_when_it_is_old(tmp_path: Path) -> None:
    for name, at in [
        ("archive/e6/one/finished", OLD),
        ("archive/e6/one/begun#1", OLD),
        ("archive/e6/one/begun#12", OLD),
        ("archive/e6/one/under-way#1", YOUNG),
        ("photo/e6/one/begun#1", OLD),  # its folder's turn has not come
    ]:
        put(tmp_path, name, at)
    store = LocalStore(tmp_path)
    found = [name async for names in left(store, ["archive", "never-written"], NOW) for name in names]
    assert found == ["archive/e6/one/finished"]
    assert files(tmp_path) == {"archive/e6/one/finished", "archive/e6/one/under-way#1", "photo/e6/one/begun#1"}


def test_the_library_writes_under_such_a_name_and_shows_nobody_what_is_there(tmp_path: Path) -> None:
    """Should it ever list them, or write under other names, `left` is to be thought over."""
    store = LocalStore(tmp_path)
    put(tmp_path, "archive/begun#1", OLD)
    assert [each["path"] for found in obstore.list(store) for each in found] == []
    writer = obstore.open_writer(store, "archive/large", buffer_size=1)
    writer.write(b"sealed" * 1000)
    writer.flush()
    assert {each.name for each in (tmp_path / "archive").iterdir()} == {"begun#1", "large#1"}
    writer.close()
    assert {each.name for each in (tmp_path / "archive").iterdir()} == {"begun#1", "large"}
