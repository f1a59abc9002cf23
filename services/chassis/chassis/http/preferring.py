"""What a client would rather be answered. Source: RFC 7240."""

import re
from typing import Annotated, Any, Final

from fastapi import Header, Response

_MINIMAL: Final = re.compile(r"(?:^|[,;])\s*return\s*=\s*\"?minimal\"?\s*(?:$|[,;])", re.IGNORECASE)
NO_CONTENT: Final[dict[int | str, dict[str, Any]]] = {204: {"description": "Done; `Prefer: return=minimal` was sent."}}
"""For the `responses` of a route that takes the preference."""


async def wants_minimal(prefer: Annotated[str | None, Header(alias="Prefer")] = None) -> bool:
    """Whether the client needs no body of a change that was done: `Prefer: return=minimal`."""
    return prefer is not None and _MINIMAL.search(prefer) is not None


def done() -> Response:
    """204, and that the preference was heard."""
    return Response(status_code=204, headers={"Preference-Applied": "return=minimal"})
