"""The numbers that registry gives out. They are opaque text: nothing is ever read back from them."""

from datetime import date
from typing import Final

MOST_TEMPORARY: Final = 9_999
"""Numbers of type L for one county and birth date."""
_THOUSANDS: Final = 26 * 1_000
MOST_REGIONAL: Final = 9_999 + _THOUSANDS + 26 * 26 * 100
"""Regional numbers of one school and entry year."""


def temporary_number(county: str, born: date, four: int) -> str:
    """学籍号 of type L: 19 characters, without a check digit. Source: art. 13; layout of the national system."""
    return f"L{county:0<6.6}{born:%Y%m%d}{four:04}"


def formal_number(citizen_id: str) -> str:
    """学籍号 of type G from an own citizen ID, provisional until the nation answers. Source: art. 13."""
    return f"G{citizen_id}"


def regional_number(county: str, entry_year: int, school: str, serial: int) -> str:
    """地区学号, 15 characters: county 6, entry year 2, school 3, serial 4 (PROPOSED layout). Source: art. 12."""
    return f"{county:0<6.6}{entry_year % 100:02}{school:0>3}{_four(serial)}"


def _four(serial: int) -> str:
    """Four characters: 0001 to 9999, then A000 to Z999, then AA00 to ZZ99, so that no school runs out (PROPOSED)."""
    if serial <= 9_999:
        return f"{serial:04}"
    more = serial - 10_000
    if more < _THOUSANDS:
        return f"{chr(65 + more // 1_000)}{more % 1_000:03}"
    letters, rest = divmod(more - _THOUSANDS, 100)
    return f"{chr(65 + letters // 26)}{chr(65 + letters % 26)}{rest:02}"
