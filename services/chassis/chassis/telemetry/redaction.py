"""Nothing personal leaves through a log: values are masked by what they are called and by what they look like."""

import re
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, Final

PERSONAL: Final = frozenset(
    """
    name names person_name display_name former_name english_name pinyin document_number citizen_id id_number phone
    mobile telephone email address home_address postal_address birth_date birthday student_number regional_number
    number login guardian guardians family members cells row values parameters params body payload content data sentence
    detail password initial_password old new secret token session cookie authorization key keys file filename file_name
    """.split()  # noqa: SIM905 - fifty words read better without quotes
)
"""Keys whose values are never written, whatever they hold."""
HIDDEN: Final = "***"
_NUMBER: Final = re.compile(r"(?<![0-9A-Za-z])[GLgl]?\d{14,17}[\dXx](?![0-9A-Za-z])")
_PHONE: Final = re.compile(r"(?<![0-9A-Za-z.])(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?![0-9A-Za-z])")
_MAIL: Final = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_HAN: Final = re.compile("[\u2e80-\u2fdf\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af·]+")
"""The house logs in English: whatever is Chinese came from outside, and may be a name."""
_PASSWORD: Final = re.compile(r"(://[^:/@\s]+:)[^@\s]+@")
_BEARER: Final = re.compile(r"(?i)(bearer\s+)\S+|\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)*")
_LARGEST: Final = 10**14
_FRAMES: Final = 15
_OF_CODE: Final = (AttributeError, NameError, ImportError, NotImplementedError, AssertionError)
"""Exceptions whose message speaks of the program, not of its data."""


def masked(text: str) -> str:
    """The text without numbers of persons, phones, addresses, secrets, and without anything Chinese."""
    text = _PASSWORD.sub(r"\1***@", text)
    text = _BEARER.sub(lambda found: f"{found.group(1) or ''}{HIDDEN}", text)
    for pattern in (_MAIL, _NUMBER, _PHONE):
        text = pattern.sub(HIDDEN, text)
    return _HAN.sub("*", text)


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor of structlog: the event with every value masked."""
    for name in list(event):
        event[name] = HIDDEN if name in PERSONAL and event[name] is not None else _value(event[name])
    return event


def _value(value: Any) -> Any:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -_LARGEST < value < _LARGEST else HIDDEN
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{len(value)} bytes"
    if isinstance(value, Mapping):
        return {
            masked(str(name)): HIDDEN if str(name) in PERSONAL and each is not None else _value(each)
            for name, each in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_value(each) for each in value]
    if isinstance(value, BaseException):
        return type(value).__name__
    return masked(str(value))


def exceptions(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor of structlog: an exception as its types and places, without the messages that may quote data."""
    info = event.pop("exc_info", None)
    error: BaseException | None = None
    if isinstance(info, BaseException):
        error = info
    elif isinstance(info, tuple) and len(info) == 3:
        error = info[1]
    elif info:
        import sys

        error = sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1]
    if error is not None:
        event["exception"] = [_told(each) for each in _chain(error)]
    event.pop("exc_text", None)
    event.pop("stack_info", None)
    return event


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending and len(seen) < 8:
        each = pending.pop(0)
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, BaseExceptionGroup):
            pending += each.exceptions
        pending.append(each.__cause__ or (None if each.__suppress_context__ else each.__context__))


def _told(error: BaseException) -> dict[str, Any]:
    told: dict[str, Any] = {"type": f"{type(error).__module__}.{type(error).__qualname__}"}
    if isinstance(error, _OF_CODE) or type(error).__module__.startswith("chassis."):
        told["why"] = str(error)[:300]
    for name in ("sqlstate", "constraint_name", "table_name", "column_name", "errno", "code"):
        found = getattr(error, name, None)
        if isinstance(found, str | int) and found != "":
            told[name] = found
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    told["at"] = [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]
    return told


def _short(path: str) -> str:
    return "/".join(path.rsplit("/", 3)[-3:])
