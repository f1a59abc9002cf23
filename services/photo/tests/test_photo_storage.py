"""Objects in a bucket behave as in a folder: sealed, stored once, found again, told when they are gone."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from moto.moto_proxy.proxy3 import MotoRequestHandler
from obstore.exceptions import GenericError
from werkzeug.exceptions import HTTPException

from chassis.objects import opened
from chassis.outages import is_outage
from chassis.sealing import SealBroken, Vault
from photo.storage import Album, PhotoGone

STUDENT = UUID("01930000-0000-7000-8000-000000000007")


class S3(BaseHTTPRequestHandler):
    """Hands each request to moto's S3 (its own server wants Flask)."""

    protocol_version = "HTTP/1.1"
    moto = MotoRequestHandler(0)

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            status, headers, content = self.moto.parse_request(
                self.command, "http://s3.us-east-1.amazonaws.com", self.path, self.headers, body
            )
        except HTTPException as refused:
            status, headers, content = refused.code, dict(refused.get_headers()), refused.get_body()
        content = content.encode() if isinstance(content, str) else content or b""
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "date", "server"):
                self.send_header(name, value)
        length = headers.get("Content-Length", headers.get("content-length", len(content)))
        self.send_header("Content-Length", str(length if self.command == "HEAD" else len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815 - http.server asks for these names

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of an S3 that runs in this process."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), S3)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    for name, value in {
        "AWS_ENDPOINT": endpoint, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    assert httpx2.put(f"{endpoint}/pupils", trust_env=False).status_code == 200
    yield "s3://pupils/photo"
    server.shutdown()
    server.server_close()


@pytest.fixture
def vault(key_file: Path) -> Vault:
    return Vault.read(key_file)


async def behaves(album: Album) -> None:
    key = await album.keep("photo", STUDENT, "ab" * 32, b"a picture")
    assert key == f"photo/07/{STUDENT}/{'ab' * 32}"
    assert await album.keep("photo", STUDENT, "ab" * 32, b"a picture") == key
    assert await album.take(key) == b"a picture"
    await album.drop(key)
    await album.drop(key)
    with pytest.raises(PhotoGone):
        await album.take(key)


async def test_a_bucket_keeps_objects(bucket: str, vault: Vault) -> None:
    await behaves(Album(opened(bucket), vault))


async def test_a_folder_keeps_objects(tmp_path: Path, vault: Vault) -> None:
    await behaves(Album(opened((tmp_path / "not yet there").as_uri()), vault))


async def test_a_storage_that_is_away_is_an_outage_within_seconds(
    monkeypatch: pytest.MonkeyPatch, vault: Vault
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: whoever connects is refused
        for name, value in {
            "AWS_ENDPOINT": f"http://127.0.0.1:{nobody.getsockname()[1]}", "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        album = Album(opened("s3://pupils/photo"), vault)
        for asked in (album.keep("photo", STUDENT, "ab" * 32, b"a picture"), album.take(f"photo/07/{STUDENT}/ab")):
            async with asyncio.timeout(15):
                with pytest.raises(GenericError) as away:
                    await asked
            assert is_outage(away.value)


async def test_an_object_that_was_exchanged_for_another_is_not_shown(tmp_path: Path, vault: Vault) -> None:
    album = Album(opened(tmp_path.as_uri()), vault)
    one = await album.keep("photo", STUDENT, "ab" * 32, b"one")
    two = await album.keep("photo", STUDENT, "cd" * 32, b"two")
    (tmp_path / one).write_bytes((tmp_path / two).read_bytes())
    with pytest.raises(SealBroken):
        await album.take(one)
