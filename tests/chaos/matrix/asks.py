"""What is asked: every route of the four services, with what of the school's can stand in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Kind = Literal["look", "list", "change", "receipt"]
"""look: the thing, or 403 or 404. list: who must not is shown an answer without anything of the school's, or none.
change: done, or 403 or 404. receipt: who must not is told that nothing was done, or 403 or 404."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, and the row of the table that it falls under."""

    route: str
    """`service METHOD /path` as the description has it."""
    row: str
    kind: Kind
    at: Mapping[str, str] = field(default_factory=dict)
    """Name in the path → id."""
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    file: tuple[str, bytes] | None = None
    wanted: str = ""
    """An id or a word that stands in the answer to who may."""
    unmasked: bool = False
    """Whether who may is shown numbers and phones."""
    hidden: Mapping[str, str] = field(default_factory=dict)
    """Person → word that she alone is not shown, though she may ask."""

    @property
    def service(self) -> str:
        """Who is asked."""
        return self.route.split()[0]

    @property
    def method(self) -> str:
        """GET, and so on."""
        return self.route.split()[1]

    @property
    def path(self) -> str:
        """With the ids in it."""
        path = self.route.split()[2]
        for name, value in self.at.items():
            path = path.replace("{" + name + "}", value)
        return path


def looks(route: str, row: str, name: str, ids: Iterable[str], **how: Any) -> list[Ask]:
    """A route with one id in its path, for each of the ids."""
    return [Ask(route, row, "look", {name: each}, **how) for each in ids]


def changes(route: str, row: str, name: str, ids: Iterable[str], json: Any = None, **how: Any) -> list[Ask]:
    """A route that changes what its path names, for each of the ids; a body that is called is made for each."""
    return [Ask(route, row, "change", {name: each}, json=json(each) if callable(json) else json, **how) for each in ids]


NOTHING_DONE: Final[Mapping[str, Any]] = {
    "placed": [], "submitted": [], "asked": 0, "explained": 0, "approved": [], "decided": [],
}  # fmt: skip
"""What a receipt says, by its field, when nothing was done."""
NOTHING_TO_DO: Final = frozenset({"nothing-to-explain"})
"""What a refusal says in the place of a receipt: nobody of the asker's own school is meant."""
