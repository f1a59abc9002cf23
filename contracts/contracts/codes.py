"""Code sets (JY/T 1001, GB/T) and regions, as data beside this file; a code is text, never a number."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Any

_ALIASES: Mapping[str, Mapping[str, str]] = {
    "民族": {"汉": "01", "其它": "97"},
    "户口性质": {"农业": "1", "非农业": "2", "农村": "1", "城镇": "2", "居民户口": "2"},
    "健康状况": {"健康": "10", "良好": "10", "健康良好": "10", "一般": "20", "较弱": "20"},
    "身份证件类型": {"身份证": "1", "居民身份证件": "1", "其它": "Z"},
    "港澳台侨外": {"非港澳台侨外": "00", "不是": "00", "其它": "99"},
    "政治面貌": {"团员": "03", "共青团员": "03", "少先队员": "13", "党员": "01", "预备党员": "02"},
    "国籍地区": {"中华人民共和国": "CHN", "中国大陆": "CHN", "香港": "HKG", "澳门": "MAC", "台湾": "TWN"},
    "是否": {"Y": "1", "N": "0", "y": "1", "n": "0", "有": "1", "无": "0"},
    "留守儿童": {"否": "0", "非留守": "0", "单亲留守": "1", "双亲留守": "2"},
    "随班就读": {"否": "0", "无": "0", "视力残疾": "1", "听力残疾": "2", "智力残疾": "3", "其它": "9", "其他": "9"},
    "残疾类型": {"无": "0", "否": "0", "视力": "1", "听力": "2", "言语": "3", "肢体": "4", "智力": "5", "精神": "6", "多重": "7", "其它": "9", "其他": "9"},
    "上下学交通方式": {"自行车": "2", "公共交通": "3", "公交车": "3", "家长接送": "4", "自行接送": "4", "其它": "9"},
    "家庭成员关系_学籍": {
        "父": "1", "爸爸": "1", "父子": "1", "父女": "1", "母": "2", "妈妈": "2", "母子": "2", "母女": "2",
        "祖父": "3", "祖母": "3", "爷爷": "3", "奶奶": "3", "外祖父": "3", "外祖母": "3", "外公": "3", "外婆": "3",
        "姥爷": "3", "姥姥": "3", "兄": "4", "弟": "4", "姐": "4", "妹": "4", "哥哥": "4", "弟弟": "4", "姐姐": "4",
        "妹妹": "4", "其它": "9",
    },
    "血型": {"A": "1", "B": "2", "AB": "3", "O": "4", "A型": "1", "B型": "2", "AB型": "3", "O型": "4", "不详": "0"},
    "入学方式": {"其他": "12", "其它": "12", "就近": "11", "统一招生考试": "21", "普通入学": "21"},
    "就读方式": {"住宿": "2", "寄宿": "2"},
    "学生来源": {"其它": "9"},
}  # fmt: skip
"""What clerks write instead of the official name (PROPOSED: collected from importers, extend here only)."""


@dataclass(frozen=True, slots=True)
class CodeSet:
    """A closed list of codes."""

    name: str
    codes: Mapping[str, str]
    """Code → official name."""
    confident: bool
    """False where the numbers are a proposal of ours and not confirmed by a published list."""
    by_word: Mapping[str, str]
    """Name, alias or code → code."""

    def read(self, word: str) -> str | None:
        """The code for a name, an alias or a code; None when the set has no such word."""
        return self.by_word.get(word)

    def name_of(self, code: str | None) -> str:
        """The official name of a code, the code itself when it is unknown, "" for None."""
        return "" if code is None else self.codes.get(code, code)


def _load(name: str) -> Any:
    return json.loads(files("contracts").joinpath(name).read_text("utf-8"))


def _code_set(name: str, raw: Mapping[str, Any]) -> CodeSet:
    codes: Mapping[str, str] = raw["codes"]
    words = {
        **_ALIASES.get(name, {}),
        **{title: code for code, title in codes.items()},
        **{code.lstrip("0"): code for code in codes if code.lstrip("0")},
        **{code: code for code in codes},
    }
    return CodeSet(name, MappingProxyType(dict(codes)), raw["confidence"] == "high", MappingProxyType(words))


SETS: Mapping[str, CodeSet] = MappingProxyType(
    {name: _code_set(name, raw) for name, raw in _load("code_sets.json").items()}
)

_regions: Mapping[str, Any] = _load("regions.json")
CITIES: Mapping[str, str] = MappingProxyType({row["code"]: row["name"] for row in _regions["cities"]})
COUNTIES: Mapping[str, str] = MappingProxyType({row["code"]: row["name"] for row in _regions["counties"]})
ZONES: Mapping[str, str] = MappingProxyType({row["code"]: row["name"] for row in _regions["functional_zones"]})
RETIRED: frozenset[str] = frozenset(row["code"] for row in _regions["retired"])
"""Codes of Anhui that no longer exist and that living people's papers still carry."""
PROVINCE_CODE = "340000"
PROVINCE_PREFIXES: frozenset[str] = frozenset(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82".split()
)


def region_name(code: str) -> str:
    """The name of a region of Anhui by its 6- or 12-digit code; "" when it is unknown."""
    six = code[:6]
    return COUNTIES.get(six) or CITIES.get(six) or ZONES.get(six) or ("安徽省" if six == PROVINCE_CODE else "")
