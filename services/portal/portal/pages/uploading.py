"""A browser's upload on its way through the portal."""

from collections.abc import AsyncIterator

from fastapi import Request

from portal.forms import Told, missing

_NOT_A_FORM = "没有收到文件。请选择文件后再上传。"


class Upload:
    """The body of a request as it arrives; nothing of it is kept here."""

    def __init__(self, request: Request) -> None:
        self.kind = request.headers.get("content-type", "")
        self.length = request.headers.get("content-length")
        self._request = request

    @property
    def is_form(self) -> bool:
        """Whether it is a form with a file."""
        return self.kind.startswith("multipart/form-data;")

    @property
    def body(self) -> AsyncIterator[bytes]:
        """Its pieces."""
        return self._request.stream()


def no_form() -> Told:
    """What to say when there is no file."""
    return missing(_NOT_A_FORM, "file")
