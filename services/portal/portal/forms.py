"""What a person has sent, and what has to be said to it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import Depends, Request
from starlette.datastructures import FormData

from portal.clients.calling import Away, Refused, Said

SERVICE_NAMES: Mapping[str, str] = {
    "registry": "学籍服务",
    "review": "审核服务",
    "photo": "照片服务",
    "sync": "国家对接服务",
}
_LONGEST_KEY = 100


class Form:
    """A form's values, as text."""

    def __init__(self, data: FormData) -> None:
        self._data = data

    def text(self, name: str) -> str:
        """The value without the blanks at its ends, "" when it is not there."""
        value = self._data.get(name, "")
        return value.strip() if isinstance(value, str) else ""

    def raw(self, name: str) -> str:
        """The value as it was typed: a password may begin with a blank."""
        value = self._data.get(name, "")
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """All values of one name: ticked boxes."""
        return [value for value in self._data.getlist(name) if isinstance(value, str)]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Names and values as they came, files left out."""
        return [(name, value) for name, value in self._data.multi_items() if isinstance(value, str)]

    def ids(self, name: str) -> list[str]:
        """The values that are ids; a form that was tampered with has others."""
        return [value for value in self.texts(name) if is_id(value)]

    def number(self, name: str) -> int | None:
        """The value as a number; None when it is none."""
        text = self.text(name)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None

    @property
    def key(self) -> str | None:
        """The idempotency key that the page had put into the form; None for what is no key of ours."""
        found = self.text("key")[:_LONGEST_KEY]
        return found if found and found.isascii() and found.isprintable() else None

    @property
    def values(self) -> dict[str, Any]:
        """Everything, to fill the form in again; a field that was not sent is empty."""
        return _Values({name: self.text(name) for name in self._data if name != "key"})

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)


class _Values(dict[str, Any]):
    """What was typed; a tampered form lacks fields that the page asks for."""

    def __missing__(self, name: str) -> str:
        return ""


async def sent(request: Request) -> Form:
    """The form of the request."""
    return Form(await request.form(max_files=0, max_fields=2_000))


Sent = Annotated[Form, Depends(sent)]


@dataclass(frozen=True, slots=True)
class Told:
    """What a page says after a refusal: a sentence on top, and a word beside each field."""

    status: int
    sentence: str
    said: tuple[Said, ...] = ()
    key: str | None = None
    """The same key again, where it is not known whether the first try had its effect."""
    incident: str | None = None
    fields: Mapping[str, list[str]] = field(default_factory=dict)

    def about(self, name: str) -> list[str]:
        """What is to be said beside a field."""
        return self.fields.get(name, [])


def told(why: Refused | Away, form: Form | None = None, names: Mapping[str, str] = MappingProxyType({})) -> Told:
    """What to say when a service refuses or is away. `names`: field of the service → what the page calls it."""
    if isinstance(why, Away):
        name = SERVICE_NAMES[why.service]
        sentence = f"{name}暂不可用，没有收到答复。您填写的内容都在本页，请稍后再点一次同一按钮，系统不会重复办理。"
        return Told(503, sentence, key=form.key if form else None)
    problem = why.problem
    beside: dict[str, list[str]] = {}
    said = tuple(each.model_copy(update={"field": _on_the_page(each.field, names)}) for each in problem.said)
    for each in said:
        if each.field:
            beside.setdefault(each.field, []).append(each.text)
    return Told(problem.status, problem.sentence, said, None, problem.incident, beside)


def _on_the_page(field: str | None, names: Mapping[str, str]) -> str | None:
    path = (field or "").removeprefix("fields.")
    return names.get(path, path) or None


def missing(sentence: str, *names: str) -> Told:
    """What to say when the page itself sees that something is not there."""
    return Told(422, sentence, fields={name: [sentence] for name in names})


def fresh_key() -> str:
    """An idempotency key for a form."""
    return str(uuid4())


def is_id(text: str) -> bool:
    """Whether the text is an id."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def day_of(text: str) -> date | None:
    """The day that a date field holds; None when it holds none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
