"""The accounts of a local stack: a file that only its owner may read, written before a password is changed."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_stack.layout import read_json, write_json
from sample.clients import Person, Refused, Services, change_password, sign_in

_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""Without those that look alike."""


def new_password() -> str:
    """Three groups of five: easy to type, hard to guess (about 75 bits)."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(3))


class Accounts:
    """`accounts.json`: login → password, role, name and organisation; and what was founded."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._content: dict[str, Any] = read_json(file)

    @property
    def people(self) -> Mapping[str, Mapping[str, Any]]:
        """Login → what is known of the account."""
        known: Mapping[str, Mapping[str, Any]] = self._content.get("accounts", {})
        return known

    @property
    def founded(self) -> Mapping[str, Any]:
        """What was founded: schools, authorities, school year; empty before that is complete."""
        said: Mapping[str, Any] = self._content.get("county", {})
        return said

    def note_founded(self, county: Mapping[str, Any]) -> None:
        """The county stands."""
        self._content["county"] = dict(county)
        self._write()

    def note(self, login: str, **about: Any) -> None:
        """Keep what is known of an account."""
        accounts = self._content.setdefault("accounts", {})
        accounts[login] = {**accounts.get(login, {}), **about}
        self._write()

    def logins(self, role: str, kind: str | None = None) -> list[str]:
        """The logins with a role, in the order in which they were created."""
        return [
            login
            for login, about in self.people.items()
            if about.get("role") == role and (kind is None or about.get("kind") == kind)
        ]

    async def enter(self, services: Services, login: str) -> Person:
        """Sign in with the password in the file; a first password is changed on the way.

        A run that was killed while it changed one is completed: both are tried. Raises Refused, KeyError.
        """
        known = self.people[login]
        refused: Refused | None = None
        for word in ("password", "next"):
            if not known.get(word):
                continue
            try:
                person, must_change = await sign_in(services, login, known[word])
            except Refused as no:
                if no.code != "sign-in-refused":
                    raise
                refused = no
                continue
            if must_change:
                person = await self._change(services, person, known[word])
            elif word == "next":
                self.note(login, password=known[word], next=None)
            return person
        assert refused is not None
        raise refused

    async def _change(self, services: Services, person: Person, old: str) -> Person:
        for attempt in range(5):
            new = new_password()
            self.note(person.login, next=new)
            try:
                await change_password(person, old, new)
                break
            except Refused as refused:
                if refused.code != "weak-password" or attempt == 4:
                    raise
        self.note(person.login, password=new, next=None)
        return (await sign_in(services, person.login, new))[0]

    def _write(self) -> None:
        write_json(self.file, self._content)
