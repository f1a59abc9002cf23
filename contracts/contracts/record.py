"""The record of a pupil: the 72 items of the official form, as one table and one model.

The table drives the import headers, the form, the review page and the national columns, so that no item is typed twice.
Source: art. 11, art. 12; the official form of the national system.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from contracts.event import Words


class Form(StrEnum):
    """How an item is written."""

    TEXT = "text"
    NAME = "name"
    CODE = "code"
    REGION = "region"
    DATE = "date"
    MONTH = "month"
    INTEGER = "integer"
    PHONE = "phone"
    POSTCODE = "postcode"
    EMAIL = "email"
    DOCUMENT = "document"


class Family(Words):
    """A family member 家庭成员: items 49 to 60, and again 61 to 72."""

    name: str
    relation: str
    """Code of 家庭成员关系_学籍."""
    relation_note: str | None = None
    ethnicity: str | None = None
    workplace: str | None = None
    address: str | None = None
    residence: str | None = None
    """12-digit region."""
    phone: str | None = None
    guardian: str
    """"1" when the member is a 监护人."""
    document_type: str | None = None
    document_number: str | None = None
    position: str | None = None


class StudentRecord(Words):
    """What a pupil's record says, with codes where the form has codes. Optional here is not optional on the form:
    what must be filled in when is registry's to check, so that a draft can be kept half done.
    """

    name: str
    sex: str | None = None
    birth_date: date | None = None
    birthplace: str | None = None
    native_place: str | None = None
    ethnicity: str | None = None
    nationality: str | None = None
    document_type: str | None = None
    document_number: str | None = None
    overseas: str | None = None
    political_status: str | None = None
    health: str | None = None
    pinyin: str | None = None
    former_name: str | None = None
    document_validity: str | None = None
    residence: str | None = None
    residence_kind: str | None = None
    talent: str | None = None
    auxiliary_number: str | None = None
    seat_number: str | None = None
    entry_month: str | None = None
    """YYYYMM, the month in which the current stage began."""
    entry_way: str | None = None
    attendance: str | None = None
    source: str | None = None
    address: str | None = None
    postal_address: str | None = None
    home_address: str | None = None
    phone: str | None = None
    postcode: str | None = None
    email: str | None = None
    homepage: str | None = None
    only_child: str | None = None
    preschool: str | None = None
    left_behind: str | None = None
    migrant: str | None = None
    orphan: str | None = None
    martyr: str | None = None
    inclusive: str | None = None
    disability: str | None = None
    purchased_place: str | None = None
    needs_aid: str | None = None
    boarding_subsidy: str | None = None
    distance: int | None = None
    """Kilometres."""
    transport: str | None = None
    school_bus: str | None = None
    blood_type: str | None = None
    family: tuple[Family, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the official form."""

    number: int
    field: str
    """Attribute of StudentRecord or Family; "" where the item stands elsewhere (photo, grade, class)."""
    label: str
    header: str
    """Header on the import sheet."""
    form: Form
    starred: bool = False
    """Required on the form (★)."""
    national: str = ""
    """Column of the national record."""
    codes: str = ""
    """Name of the code set."""
    longest: int = 100
    aliases: tuple[str, ...] = ()
    """Other headers under which sheets carry it."""


def _i(number: int, field: str, label: str, national: str, form: Form = Form.TEXT, *, star: bool = False, codes: str = "",
       longest: int = 100, header: str = "", aliases: tuple[str, ...] = ()) -> Item:  # fmt: skip
    return Item(number, field, label, header or label, form, star, national, codes, longest, aliases)


_C = Form.CODE
ITEMS: tuple[Item, ...] = (
    _i(1, "name", "姓名", "xm", Form.NAME, star=True, longest=50, aliases=("学生姓名",)),
    _i(2, "sex", "性别", "xbm", _C, star=True, codes="性别"),
    _i(3, "birth_date", "出生日期", "csrq", Form.DATE, star=True, aliases=("出生年月日",)),
    _i(4, "birthplace", "出生地", "csdm", Form.REGION, star=True, header="出生地行政区划代码", aliases=("出生地", "出生地行政区划")),
    _i(5, "native_place", "籍贯", "jg", longest=60),
    _i(6, "ethnicity", "民族", "mzm", _C, star=True, codes="民族"),
    _i(7, "nationality", "国籍/地区", "gjdqm", _C, star=True, codes="国籍地区", aliases=("国籍", "国籍地区")),
    _i(8, "document_type", "身份证件类型", "sfzjlxm", _C, star=True, codes="身份证件类型", aliases=("证件类型",)),
    _i(9, "document_number", "身份证件号", "sfzjh", Form.DOCUMENT, longest=30, aliases=("身份证号", "身份证件号码", "证件号码")),
    _i(10, "overseas", "港澳台侨外", "gatqwm", _C, star=True, codes="港澳台侨外"),
    _i(11, "political_status", "政治面貌", "zzmmm", _C, codes="政治面貌"),
    _i(12, "health", "健康状况", "jkzkm", _C, star=True, codes="健康状况"),
    _i(13, "", "照片", "", star=True),
    _i(14, "pinyin", "姓名拼音", "xmpy", longest=120),
    _i(15, "former_name", "曾用名", "cym", Form.NAME, longest=50),
    _i(16, "document_validity", "身份证件有效期", "sfzjyxq", longest=40),
    _i(17, "residence", "户口所在地", "hkszdm", Form.REGION, star=True, header="户口所在地行政区划", aliases=("户口所在地", "户口所在地行政区划代码")),
    _i(18, "residence_kind", "户口性质", "hkxzm", _C, star=True, codes="户口性质"),
    _i(19, "talent", "特长", "tc", longest=100),
    _i(20, "auxiliary_number", "学籍辅号", "xjfh", longest=30),
    _i(21, "seat_number", "班内学号", "bnxh", longest=10),
    _i(22, "", "年级", "", star=True, aliases=("(年级)", "（年级）")),
    _i(23, "", "班级", "", star=True, header="班号", aliases=("班级",)),
    _i(24, "entry_month", "入学年月", "rxny", Form.MONTH, star=True, aliases=("入学时间",)),
    _i(25, "entry_way", "入学方式", "rxfsm", _C, star=True, codes="入学方式"),
    _i(26, "attendance", "就读方式", "jdfsm", _C, star=True, codes="就读方式"),
    _i(27, "source", "学生来源", "xslym", _C, codes="学生来源"),
    _i(28, "address", "现住址", "xzz", star=True, longest=200),
    _i(29, "postal_address", "通信地址", "txdz", star=True, longest=200, aliases=("通讯地址",)),
    _i(30, "home_address", "家庭地址", "jtzz", star=True, longest=200, aliases=("家庭住址",)),
    _i(31, "phone", "联系电话", "lxdh", Form.PHONE, star=True, longest=20),
    _i(32, "postcode", "邮政编码", "yzbm", Form.POSTCODE, star=True, longest=6),
    _i(33, "email", "电子信箱", "dzxx", Form.EMAIL, longest=100, aliases=("电子邮箱",)),
    _i(34, "homepage", "主页地址", "zydz", longest=200),
    _i(35, "only_child", "是否独生子女", "sfdsznm", _C, star=True, codes="是否"),
    _i(36, "preschool", "是否受过学前教育", "sfsgxqjym", _C, star=True, codes="是否"),
    _i(37, "left_behind", "是否留守儿童", "sflsetm", _C, star=True, codes="留守儿童", aliases=("留守儿童",)),
    _i(38, "migrant", "是否进城务工人员随迁子女", "sfsqznm", _C, star=True, codes="是否", aliases=("是否随迁子女",)),
    _i(39, "orphan", "是否孤儿", "sfge", _C, star=True, codes="是否"),
    _i(40, "martyr", "是否烈士或优抚子女", "sflshyfzn", _C, star=True, codes="是否"),
    _i(41, "inclusive", "随班就读", "sbjdm", _C, codes="随班就读"),
    _i(42, "disability", "残疾类型", "cjlxm", _C, codes="残疾类型", header="残疾人类型", aliases=("残疾类型",)),
    _i(43, "purchased_place", "是否由政府购买学位", "sfgmxwm", _C, codes="是否"),
    _i(44, "needs_aid", "是否需要申请资助", "sfxysqzz", _C, star=True, codes="是否"),
    _i(45, "boarding_subsidy", "是否享受一补", "sfxsybm", _C, star=True, codes="是否"),
    _i(46, "distance", "上下学距离", "sxxjl", Form.INTEGER),
    _i(47, "transport", "上下学交通方式", "sxxfsm", _C, codes="上下学交通方式", header="上下学方式", aliases=("上下学交通方式",)),
    _i(48, "school_bus", "是否需要乘坐校车", "sfczxcm", _C, codes="是否"),
)  # fmt: skip
BLOOD_TYPE = _i(0, "blood_type", "血型", "xxm", _C, codes="血型")
"""A later addition to the form, without a number of its own."""

FAMILY_ITEMS: tuple[Item, ...] = (
    _i(49, "name", "姓名", "cyxm", Form.NAME, star=True, longest=50),
    _i(50, "relation", "关系", "gxm", _C, star=True, codes="家庭成员关系_学籍"),
    _i(51, "relation_note", "关系说明", "gxsm", longest=50),
    _i(52, "ethnicity", "民族", "mzm", _C, codes="民族"),
    _i(53, "workplace", "工作单位", "gzdw", longest=100),
    _i(54, "address", "现住址", "xzz", star=True, longest=200),
    _i(
        55,
        "residence",
        "户口所在地",
        "hkszd",
        Form.REGION,
        star=True,
        header="户口所在地行政区划",
        aliases=("户口所在地",),
    ),
    _i(56, "phone", "联系电话", "lxdh", Form.PHONE, star=True, longest=20),
    _i(57, "guardian", "是否监护人", "sfjhrm", _C, star=True, codes="是否"),
    _i(58, "document_type", "身份证件类型", "sfzjlxm", _C, codes="身份证件类型"),
    _i(59, "document_number", "身份证件号", "sfzjh", Form.DOCUMENT, longest=30),
    _i(60, "position", "职务", "zw", longest=50),
)
"""Member one; member two has the same twelve as 61 to 72. On the sheet `成员1姓名` … `成员2职务`."""

SHEET_MEMBERS = 2
FAMILY_SHEET_ORDER = (
    "name", "relation", "relation_note", "address", "residence", "phone", "guardian", "document_type",
    "document_number", "ethnicity", "workplace", "position",
)  # fmt: skip

CONTINUATION_HEADER = "学籍接续标识"
"""The existing 学籍号 of a pupil who enters grade 7 or 10; empty for grade 1. Source: art. 12."""
SCHOOL_CODE_HEADER = "学校标识码"
GRADE_HEADER = "年级"
CLASS_HEADER = "班号"
REASONS_HEADER = "情况说明"
"""Carries the reasons that warnings ask for."""

BY_FIELD: Mapping[str, Item] = MappingProxyType({item.field: item for item in (*ITEMS, BLOOD_TYPE) if item.field})
FAMILY_BY_FIELD: Mapping[str, Item] = MappingProxyType({item.field: item for item in FAMILY_ITEMS})

_SHEET_ORDER = (
    "name sex birth_date document_type document_number birthplace ethnicity nationality overseas "
    "residence_kind residence address only_child left_behind migrant orphan native_place health "
    "political_status * class entry_month entry_way attendance postal_address home_address phone postcode "
    "preschool needs_aid boarding_subsidy martyr distance transport school_bus former_name pinyin "
    "document_validity blood_type talent auxiliary_number seat_number source email homepage disability "
    "purchased_place inclusive"
).split()
_NOT_FIELDS = {"*": GRADE_HEADER, "class": CLASS_HEADER}


def sheet_headers() -> tuple[str, ...]:
    """The headers of the official import sheet, in its order, with 姓名拼音 of the form beside 曾用名, and 情况说明 last."""
    own = (_NOT_FIELDS.get(field) or BY_FIELD[field].header for field in _SHEET_ORDER)
    members = (
        f"成员{member}{FAMILY_BY_FIELD[field].header}"
        for member in range(1, SHEET_MEMBERS + 1)
        for field in FAMILY_SHEET_ORDER
    )
    return (CONTINUATION_HEADER, SCHOOL_CODE_HEADER, *own, *members, REASONS_HEADER)
