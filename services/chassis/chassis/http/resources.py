"""What routes ask for beside their input."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from starlette.requests import HTTPConnection

if TYPE_CHECKING:
    from chassis.transaction import Database

T = TypeVar("T")


async def database(connection: HTTPConnection) -> "Database":
    """The service's database: `Annotated[Database, Depends(database)]`."""
    return cast("Database", connection.app.state.database)


_known: dict[type, Callable[[HTTPConnection], Any]] = {}
"""One dependency a type, so that FastAPI asks once a request however often it is named."""


def resource(kind: type[T]) -> Callable[[HTTPConnection], T]:
    """A dependency that is the service's resource of this type: `Annotated[Vault, Depends(resource(Vault))]`."""

    async def find(connection: HTTPConnection) -> Any:
        return connection.app.state.resources[kind]

    return _known.setdefault(kind, find)
