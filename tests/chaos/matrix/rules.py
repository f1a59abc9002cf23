"""Who may see and do what of the school, written by hand from what the house has decided; no code is asked.

An organisation sees itself, what stands below it, and the schools that it manages today. Besides: photo's decision 5 (a
former authority sees the photos of whom it may still decide), review's decision 6 (who decides a case may see it).
Source: art. 6, art. 7, art. 12, art. 15.
"""

from typing import Final

PEOPLE: Final = (
    "own.registrar", "own.teacher", "sibling.registrar", "sibling.teacher", "manager.officer", "manager.viewer",
    "parent.officer", "parent.viewer", "former.officer", "former.viewer", "foreign.officer", "foreign.viewer",
    "foreign.registrar", "foreign.teacher", "city.officer", "city.viewer", "province.admin", "province.officer",
    "province.viewer",
)  # fmt: skip
"""The columns of the table: relation to the school, and role."""
_TABLE: Final = """
                      own  sibling  manager  parent  former  foreign  city  province
                      rt   rt       ov       ov      ov      ovrt     ov    aov
    see:
anybody               ++   ++       ++       ++      ++      ++++     ++    +++
registrars            +.   +.       ..       ..      ..      ..+.     ..    ...
officers              ..   ..       +.       +.      +.      +...     +.    ++.
authorities           ..   ..       ++       ++      ++      ++..     ++    +++
school                ++   ..       ++       ++      ..      ....     ++    +++
school from above     ..   ..       ++       ++      ..      ....     ++    +++
pupil masked          ++   ..       ++       ++      ..      ....     ++    +++
pupil full            ++   ..       +.       +.      ..      ....     +.    ++.
pre-review            ++   ..       +.       +.      ..      ....     +.    ++.
export                +.   ..       +.       +.      ..      ....     +.    ++.
request               +.   ..       +.       +.      ..      ....     +.    ++.
request before        +.   ..       +.       +.      +.      ....     +.    ++.
case                  +.   ..       ++       ++      ..      ....     ++    +++
case before           +.   ..       ++       ++      ++      ....     ++    +++
counts of cases       ..   ..       ++       ++      ++      ....     ++    +++
photo                 ++   ..       ++       ++      ..      ....     ++    +++
photo of who waits    ++   ..       ++       ++      ++      ....     ++    +++
files of an archive   ++   ..       ..       ..      ..      ....     ..    ...
failed rows           +.   ..       ..       ..      ..      ....     ..    ...
duplicates            +.   +.       +.       +.      ..      ....     +.    ++.
both of a duplicate   ..   ..       ..       +.      ..      ....     +.    ++.
    change:
work of the school    +.   ..       ..       ..      ..      ....     ..    ...
photos                ++   ..       ..       ..      ..      ....     ..    ...
contact, campus       +.   ..       ..       ..      ..      ....     ..    +..
leave from above      ..   ..       +.       +.      ..      ....     +.    ++.
province              ..   ..       ..       ..      ..      ....     ..    +..
look into             ..   ..       +.       +.      ..      ....     +.    ++.
look into before      ..   ..       +.       +.      +.      ....     +.    ++.
decide                ..   ..       +.       ..      ..      ....     ..    ...
decide before         ..   ..       ..       ..      +.      ....     ..    ...
hand on               ..   ..       +.       ..      ..      ....     ..    +..
hand on before        ..   ..       ..       ..      +.      ....     ..    +..
settle                ..   ..       ..       +.      ..      ....     +.    ++.
"""
"""`+` may, `.` must not. r registrar, t teacher, o officer, v viewer, a administrator.

`before` is what was submitted to the former manager, without it what was submitted to the present one. A viewer changes
nothing anywhere. A teacher takes photos, and nothing else.
"""
_HEADS: Final = 3


def _read(table: str) -> dict[str, frozenset[str]]:
    rows: dict[str, frozenset[str]] = {}
    for line in table.splitlines()[_HEADS:]:
        name, marks = line[:22].strip(), line[22:].replace(" ", "")
        if not marks:
            continue
        assert len(marks) == len(PEOPLE), line
        assert set(marks) <= {"+", "."}, line
        rows[name] = frozenset(who for who, mark in zip(PEOPLE, marks, strict=True) if mark == "+")
    return rows


MAY: Final = _read(_TABLE)
"""Row → who may."""
WITHOUT_A_TOKEN: Final = frozenset(
    {
        "registry POST /v1/sessions",
        "registry POST /v1/sessions/current/token",
        "registry DELETE /v1/sessions/current",
        "registry POST /v1/accounts/me/password",
    }
)
"""What asks for a password, or for a session, instead of a token: the only routes that the matrix leaves out."""
