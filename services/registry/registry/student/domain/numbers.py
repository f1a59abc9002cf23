"""The numbers that registry gives out. They are opaque text: nothing is ever read back from them."""

from datetime import date


def temporary_number(county: str, born: date, four: int) -> str:
    """学籍号 of type L: 19 characters, without a check digit. Source: art. 13; layout of the national system."""
    return f"L{county:0<6.6}{born:%Y%m%d}{four:04}"


def formal_number(citizen_id: str) -> str:
    """学籍号 of type G from an own citizen ID, provisional until the nation answers. Source: art. 13."""
    return f"G{citizen_id}"


def regional_number(county: str, entry_year: int, school: str, serial: int) -> str:
    """地区学号, 15 characters: county 6, entry year 2, school 3, serial 4 (PROPOSED layout). Source: art. 12."""
    return f"{county:0<6.6}{entry_year % 100:02}{school:0>3}{serial:04}"
