"""Requests made from a service's own description: half of them right, the others nearly, for they go in deeper."""

import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode
from uuid import UUID

from tests.chaos.fuzz.values import MARK, NUMBERS, spoiled, strange, text

_METHODS: Final = ("get", "post", "put", "patch", "delete")
_KINDS: Final = ("application/json", "text/plain", "application/xml", "multipart/form-data", "")
MOST_KNOWN: Final = 400


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it goes out."""

    route: str
    """Method and path as the description has them."""
    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes


@dataclass
class Requests:
    """Makes requests for the routes of one service, from a seed."""

    description: Mapping[str, Any]
    seed: int
    known: list[str] = field(default_factory=list)
    """Ids that the service has told: with them a request reaches somebody."""
    fields: list[str] = field(default_factory=list)
    """Names of fields of forms that pages have shown: who has any sends forms instead of JSON."""
    without: frozenset[str] = frozenset()
    """Routes that are not asked, as `POST /v1/sessions`."""

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self._gentle = True
        """Half of the requests are as right as a look at the description makes them."""
        self._seen = set(self.known)
        self.routes: list[tuple[str, str, Mapping[str, Any]]] = []
        for path, about in self.description["paths"].items():
            for method in _METHODS:
                if method in about and f"{method.upper()} {path}" not in self.without:
                    shared = about.get("parameters", [])
                    operation = about[method]
                    whole = {**operation, "parameters": [*shared, *operation.get("parameters", [])]}
                    self.routes.append((method.upper(), path, whole))

    def learn(self, body: bytes) -> None:
        """Note ids of an answer."""
        for found in re.findall(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", body[:20_000])[:20]:
            each = found.decode()
            if each not in self._seen:
                self._seen.add(each)
                if len(self.known) < MOST_KNOWN:
                    self.known.append(each)
                else:
                    self.known[self.chance.randrange(MOST_KNOWN)] = each
        if self.fields:
            self.fields += {name.decode() for name in re.findall(rb' name="([\w-]+)"', body)} - {*self.fields}

    def one(self) -> Asked:
        """The next request."""
        chance = self.chance
        method, template, operation = chance.choice(self.routes)
        self._gentle = chance.random() < 0.5
        path, query, headers = template, [], {}
        for parameter in operation["parameters"]:
            value = self._value(parameter.get("schema", {}))
            if not self._gentle and chance.random() < 0.25:
                value = strange(chance)
            if parameter["in"] == "path":
                path = path.replace("{" + parameter["name"] + "}", quote(_plain(value), safe=""))
            elif parameter["in"] == "query" and (parameter.get("required") or chance.random() < 0.3):
                values = value if isinstance(value, list) else [value]
                query += [(parameter["name"], _plain(each)) for each in values[:50]]
            elif parameter["in"] == "header" and chance.random() < 0.7:
                headers[parameter["name"]] = _header(value)
        if not self._gentle and chance.random() < 0.06:
            query.append((text(chance), text(chance)))
        if method == "POST" and chance.random() < 0.8:
            headers["Idempotency-Key"] = (
                str(UUID(int=chance.getrandbits(128)))
                if self._gentle or chance.random() < 0.9
                else _header(strange(chance))
            )
        content = b""
        if self.fields and method == "POST":
            headers["Content-Type"], content = self._form()
        elif "requestBody" in operation:
            kind, content = self._body(operation["requestBody"])
            if kind:
                headers["Content-Type"] = kind
        asked = f"{path}?{urlencode(query, errors='replace')}" if query else path
        return Asked(f"{method} {template}", method, asked, headers, content)

    def _body(self, about: Mapping[str, Any]) -> tuple[str, bytes]:
        about = self._resolved(about)
        kind, media = self.chance.choice(list(about["content"].items()))
        chance = self.chance
        if kind == "multipart/form-data":
            return self._file()
        body = self._value(media.get("schema", {}))
        if not self._gentle:
            for _ in range(chance.choice((1, 1, 2, 4))):
                body = spoiled(chance, body)
        content = json.dumps(body).encode()
        if not self._gentle and chance.random() < 0.15:
            content = self._broken(content)
        if not self._gentle and chance.random() < 0.1:
            kind = chance.choice(_KINDS)
        return kind, content

    def _form(self) -> tuple[str, bytes]:
        chance = self.chance
        sent = [
            (name, self._string({"format": "uuid"} if name.endswith(("id", "student", "case")) else {}))
            for name in chance.choices(self.fields, k=chance.choice((0, 1, 3, 12)))
        ]
        content = urlencode([(name, _plain(value)) for name, value in sent]).encode()
        if not self._gentle and chance.random() < 0.2:
            return self._file() if chance.random() < 0.5 else (chance.choice(_KINDS), self._broken(content))
        return "application/x-www-form-urlencoded", content

    def _broken(self, content: bytes) -> bytes:
        chance = self.chance
        what = chance.randrange(6)
        if what == 0:
            return content[: chance.randrange(len(content) + 1)]
        if what == 1:
            return b'{"a":1,"a":2}'
        if what == 2:
            return b"[" * 20_000
        if what == 3:
            return b"\xff\xfe" + content
        if what == 4:
            return b"1" * 5_000
        return chance.randbytes(200)

    def _file(self) -> tuple[str, bytes]:
        chance = self.chance
        content = chance.choice((b"", b"PK\x03\x04", b"\xff\xd8\xff\xe0", chance.randbytes(300), b"a,b\n1,2\n"))
        name = chance.choice(("a.xlsx", "a.csv", "a.jpg", "a.zip", "..\\a.csv", MARK + ".xls", ""))
        body = (
            f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
            + content
            + b"\r\n--b--\r\n"
        )
        if not self._gentle and chance.random() < 0.5:
            body = body[: chance.randrange(len(body))]
        return f"multipart/form-data; boundary={chance.choice(('b', 'b', 'b', 'c', ''))}", body

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in schema:
            found: Any = self.description
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            schema = found
        return schema

    def _value(self, schema: Mapping[str, Any], depth: int = 0) -> Any:
        """A value that the schema allows, as far as a look at it tells."""
        chance = self.chance
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return chance.choice(schema["enum"])
        for word in ("anyOf", "oneOf"):
            if word in schema:
                return self._value(chance.choice(schema[word]), depth)
        if "allOf" in schema:
            return self._value(schema["allOf"][0], depth)
        kind = schema.get("type")
        if kind == "object" or "properties" in schema:
            return self._object(schema, depth)
        if kind == "array":
            if depth > 4:
                return []
            least, most = schema.get("minItems", 0), min(schema.get("maxItems", 4), 4)
            return [
                self._value(schema.get("items", {}), depth + 1)
                for _ in range(chance.randint(min(least, 5), max(least, most)))
            ]
        return self._plain_value(kind, schema)

    def _plain_value(self, kind: str | None, schema: Mapping[str, Any]) -> Any:
        if kind == "integer":
            return self._integer(schema)
        if kind == "number":
            return self.chance.choice(NUMBERS)
        if kind == "boolean":
            return self.chance.random() < 0.5
        return None if kind == "null" else self._string(schema)

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        required = set(schema.get("required", ()))
        return {
            name: self._value(each, depth + 1)
            for name, each in schema.get("properties", {}).items()
            if name in required or (depth < 5 and self.chance.random() < 0.6)
        }

    def _integer(self, schema: Mapping[str, Any]) -> int:
        least, most = schema.get("minimum", 0), schema.get("maximum", 60)
        if not self._gentle and self.chance.random() < 0.2:
            return int(self.chance.choice(NUMBERS[:11]))
        return self.chance.randint(int(least), max(int(least), int(most)))

    def _string(self, schema: Mapping[str, Any]) -> str:
        chance = self.chance
        form = schema.get("format")
        if form == "uuid":
            if self.known and chance.random() < 0.85:
                return chance.choice(self.known)
            return str(UUID(int=chance.getrandbits(128)))
        if form == "date":
            return (date(2026, 1, 1) + timedelta(days=chance.randint(-3_000, 3_000))).isoformat()
        if form == "date-time":
            return f"2026-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}T08:00:00+08:00"
        if not self._gentle and chance.random() < 0.5:
            return text(chance)
        most = min(schema.get("maxLength", 12), 40)
        letters = chance.choice(("0123456789", "abcdef0123456789", "赵钱孙李一二三四"))
        return "".join(
            chance.choice(letters) for _ in range(chance.randint(min(schema.get("minLength", 0), most), most))
        )


def _plain(value: Any) -> str:
    """As it stands in a URL, where half a surrogate pair cannot."""
    found = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return found.encode("utf-8", "replace").decode()[:3_000]


def _header(value: Any) -> str:
    return re.sub(r"[^\x20-\x7e]", "?", _plain(value)).strip()[:3_000]
