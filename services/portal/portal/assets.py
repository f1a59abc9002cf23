"""Files for the browser: Bootstrap's CSS and htmx out of their wheels, and our own; each named by its hash."""

import gzip
import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fastapi import Request
from fastapi.responses import Response

_WHEELS: Mapping[str, tuple[str, str]] = {
    "bootstrap.css": ("flask_bootstrap", "static/bootstrap5/css/bootstrap.min.css"),
    "htmx.js": ("django_htmx", "static/django_htmx/htmx-2.min.js"),
}
"""Name → package, and the file inside. Only the files are taken; the packages are never imported."""
_OWN = ("portal.css", "portal.js", "favicon.svg")
_STATIC = Path(__file__).parent / "static"
_KINDS = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_YEAR = 31_536_000


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it is and gzipped once."""

    name: str
    content: bytes
    zipped: bytes
    sha256: str

    @property
    def path(self) -> str:
        """Where it is; another content is another path, so that a browser may keep it for ever."""
        return f"/static/{self.sha256[:16]}/{self.name}"


def _read(name: str) -> bytes:
    if name == "portal.css":
        return b"\n".join(part.read_bytes() for part in sorted((_STATIC / "css").glob("*.css")))
    if name not in _WHEELS:
        return (_STATIC / name).read_bytes()
    package, inside = _WHEELS[name]
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.submodule_search_locations
    return (Path(found.submodule_search_locations[0]) / inside).read_bytes()


class Assets:
    """All files by name."""

    @cached_property
    def files(self) -> Mapping[str, Asset]:
        """Name → file."""
        found = {}
        for name in (*_WHEELS, *_OWN):
            content = _read(name)
            zipped = gzip.compress(content, 9, mtime=0)
            found[name] = Asset(name, content, zipped, hashlib.sha256(content).hexdigest())
        return found

    def path(self, name: str) -> str:
        """The path of a file."""
        return self.files[name].path

    def serve(self, request: Request, digest: str, name: str) -> Response:
        """The file, for ever; 404 for a content that is not ours."""
        asset = self.files.get(name)
        if asset is None or asset.sha256[:16] != digest:
            return Response(status_code=404, media_type="text/plain")
        zips = "gzip" in request.headers.get("accept-encoding", "")
        headers = {"Cache-Control": f"public, max-age={_YEAR}, immutable", "Vary": "Accept-Encoding"}
        if zips:
            headers["Content-Encoding"] = "gzip"
        kind = _KINDS[name.rsplit(".", 1)[-1]]
        return Response(asset.zipped if zips else asset.content, media_type=kind, headers=headers)


ASSETS = Assets()
