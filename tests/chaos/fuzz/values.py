"""Values that a form never sends: what a fuzzer puts where a rule expects something else."""

import random
from typing import Any, Final

MARK: Final = "fuzz7f3a"
"""Stands in texts, so that an answer which gives back what was sent is found."""
STRANGE: Final = (
    "", " ", "\0", "a\0b", "\ud800", "\udfff x", "\u202e反", "𠮷田", "阿依古丽·买买提", "´`'\"\\",
    "'; DROP TABLE student;--", "%", "_", "%00", "../../etc/passwd", "{{7*7}}", "${jndi:ldap://x}",
    "<script>1</script>", "=1+1", "@SUM(1)", "\r\nX: y", "NaN", "Infinity", "-0", "1e999", "0x10", "null",
    "true", "９９", "٣", "\ufeff", "\u2028", "é", "e\u0301", "Ǆ", "ß" * 50, "2026-02-30", "0000-00-00",
    "9999-12-31", "2026-09-01T00:00:00+99:99", "2026-09-01T00:00:00Z", "20260901",
    "00000000-0000-0000-0000-000000000000", "{00000000-0000-0000-0000-000000000000}", "urn:uuid:0", "x" * 5_000,
    "字" * 2_000,
)  # fmt: skip
"""No surrogate pair is whole in some of these: JSON carries such halves as escapes."""
NUMBERS: Final = (
    0, -1, 1, 2**31 - 1, 2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 10**40, 0.1, -0.0, 1e308,
    1e-308,
)  # fmt: skip


def strange(chance: random.Random) -> Any:
    """Anything that JSON can say."""
    kind = chance.randrange(8)
    if kind < 3:
        return text(chance)
    if kind == 3:
        return chance.choice(NUMBERS)
    if kind == 4:
        return chance.choice((None, True, False))
    if kind == 5:
        return [text(chance) for _ in range(chance.choice((0, 1, 3, 300)))]
    if kind == 6:
        return {chance.choice(STRANGE): text(chance)}
    return _deep(chance.choice((5, 60)))


def text(chance: random.Random) -> str:
    """A strange text; many carry the mark."""
    found = chance.choice(STRANGE)
    return found + MARK if chance.random() < 0.3 else found


def _deep(depth: int) -> Any:
    found: Any = 1
    for _ in range(depth):
        found = [found] if depth % 2 else {"a": found}
    return found


def spoiled(chance: random.Random, body: Any) -> Any:
    """The body with something else somewhere in it."""
    if isinstance(body, dict) and body and chance.random() < 0.85:
        found = dict(body)
        what = chance.randrange(10)
        name = chance.choice(list(found))
        if what == 0:
            del found[name]
        elif what == 1:
            found[
                chance.choice(("status", "version", "organisation_id", "id", "__proto__", chance.choice(STRANGE)))
            ] = strange(chance)
        else:
            found[name] = spoiled(chance, found[name])
        return found
    if isinstance(body, list) and body and chance.random() < 0.7:
        place = chance.randrange(len(body))
        return [*body[:place], spoiled(chance, body[place]), *body[place + 1 :]]
    return strange(chance)
