"""The form of a pupil's record: its sections, and how each item is asked for. The items are the official form's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from contracts import codes
from contracts.record import BY_FIELD, FAMILY_BY_FIELD, Form, Item

MEMBERS: Final = 2
"""Family members that the form offers at first, as the national form does."""
MOST_MEMBERS: Final = 8

IDENTITY: Final = (
    "document_type", "document_number", "name", "sex", "birth_date", "ethnicity", "nationality", "overseas",
)  # fmt: skip
SECTIONS: Final[Sequence[tuple[str, str, tuple[str, ...]]]] = (
    ("identity", "身份信息", IDENTITY),
    ("entry", "入学信息", ("grade", "class_number", "entry_month", "entry_way", "attendance", "source", "seat_number", "auxiliary_number")),  # noqa: E501
    ("residence", "户籍与籍贯", ("birthplace", "native_place", "residence", "residence_kind")),
    ("contact", "联系方式", ("address", "postal_address", "home_address", "phone", "postcode", "email", "homepage")),
    ("situation", "个人情况", ("health", "blood_type", "political_status", "only_child", "preschool", "left_behind", "migrant", "orphan", "martyr", "disability", "inclusive", "pinyin", "former_name", "document_validity", "talent")),  # noqa: E501
    ("support", "资助与上下学", ("needs_aid", "boarding_subsidy", "purchased_place", "distance", "transport", "school_bus")),  # noqa: E501
)  # fmt: skip
FAMILY: Final = (
    "name", "relation", "guardian", "phone", "document_type", "document_number", "residence", "address",
    "relation_note", "ethnicity", "workplace", "position",
)  # fmt: skip
DEFAULTS: Final[Mapping[str, str]] = {
    "document_type": "1",
    "ethnicity": "01",
    "nationality": "CHN",
    "overseas": "00",
    "health": "10",
    "entry_way": "11",
    "attendance": "1",
    "left_behind": "0",
    "migrant": "0",
    "orphan": "0",
    "martyr": "0",
    "needs_aid": "0",
    "boarding_subsidy": "0",
}
"""What most pupils have; the clerk sees it and may change it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One item as the page asks for it."""

    path: str
    item: Item
    options: Sequence[tuple[str, str]]

    @property
    def label(self) -> str:
        """What it is called."""
        return self.item.label

    @property
    def is_starred(self) -> bool:
        """Whether the form demands it; a second family member is no demand."""
        return self.item.starred and (not self.path.startswith("family.") or self.path.startswith("family.0."))

    @property
    def is_wide(self) -> bool:
        """Whether it takes a whole line."""
        return self.item.longest >= 200

    @property
    def type(self) -> str:
        """The browser's type of field."""
        return {Form.DATE: "date", Form.PHONE: "tel", Form.EMAIL: "email"}.get(self.item.form, "text")

    @property
    def mode(self) -> str | None:
        """Which keys a telephone shows."""
        return "numeric" if self.item.form in (Form.INTEGER, Form.POSTCODE, Form.MONTH, Form.REGION) else None

    @property
    def hint(self) -> str:
        """How it is written."""
        if self.item.form is Form.MONTH:
            return "六位数字，例如202609"
        if self.item.form is Form.REGION:
            return "12位代码，可输入县区名称查找"
        return ""

    @property
    def list(self) -> str | None:
        """The list of suggestions."""
        return "regions" if self.item.form is Form.REGION else None


@lru_cache
def asked(path: str) -> Asked:
    """How the item of a path is asked for."""
    parts = path.split(".")
    item = FAMILY_BY_FIELD[parts[2]] if parts[0] == "family" else BY_FIELD[path]
    options = list(codes.SETS[item.codes].codes.items()) if item.codes else []
    return Asked(path, item, options)


def family_paths(member: int) -> list[str]:
    """The paths of a family member, counted from 0."""
    return [f"family.{member}.{field}" for field in FAMILY]


def members_in(values: Mapping[str, object]) -> int:
    """How many members the form shows: two, or as many as there are."""
    numbers = [
        int(path.split(".")[1]) for path in values if path.startswith("family.") and path.split(".")[1].isdigit()
    ]
    return min(MOST_MEMBERS, max([MEMBERS, *(number + 1 for number in numbers)]))


@lru_cache
def regions() -> list[tuple[str, str]]:
    """12-digit code and name of Anhui's cities and counties."""
    found = {**codes.CITIES, **codes.COUNTIES, **codes.ZONES}
    return [(code.ljust(12, "0"), name) for code, name in sorted(found.items())]


def shown_paths(record: Mapping[str, object]) -> list[tuple[str, str, list[str]]]:
    """Sections of the paths that a record shows, for reading: identity first, family last."""
    found = [(key, word, [path for path in paths if path in BY_FIELD]) for key, word, paths in SECTIONS]
    present = {path.split(".")[1] for path in record if path.startswith("family.")}
    numbers = sorted(int(each) for each in present if each.isdigit())
    return found + [(f"family-{each}", f"家庭成员{each + 1}", family_paths(each)) for each in numbers]
