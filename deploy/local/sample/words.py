"""What synthetic people are made of. Nobody here lives: numbers carry a region that was never assigned."""

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

_WORDS: dict[str, Any] = json.loads(files("sample").joinpath("words.json").read_text("utf-8"))

SURNAMES: Sequence[str] = _WORDS["surnames"]
BOYS: Sequence[str] = _WORDS["boys"]
GIRLS: Sequence[str] = _WORDS["girls"]
GROWN: Sequence[str] = _WORDS["grown"]
RARE_NAMES: Sequence[tuple[str, str]] = [(surname, given) for surname, given in _WORDS["rare_names"]]
"""Surname and given name with characters of extensions A to F, and surnames that converters lose."""
DOTTED_NAMES: Sequence[tuple[str, str, str]] = [(name, code, sex) for name, code, sex in _WORDS["dotted_names"]]
"""Name with a `·`, code of 民族, code of 性别."""
VILLAGES: Sequence[str] = _WORDS["villages"]
STREETS: Sequence[str] = _WORDS["streets"]
WORKPLACES: Sequence[str] = _WORDS["workplaces"]
TALENTS: Sequence[str] = _WORDS["talents"]
MINORITIES = ("03", "06", "08", "11", "15")
COUNTY, COUNTY_NAME = "340121", "安徽省合肥市长丰县"
NEIGHBOURS = ("340121", "340122", "340123", "340103", "340321", "340422", "341126", "320311", "330106")
"""Where sample people come from: six-digit regions."""
