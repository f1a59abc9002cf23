"""A pupil as a row of the official sheet, all items filled in, written in the many ways in which clerks write."""

import random

from contracts import codes
from contracts.record import sheet_headers
from sample import words
from sample.people import Member, Pupil

Cell = str | int | float | None
Row = dict[str, Cell]
HEADERS = sheet_headers()


def row_of(pupil: Pupil, chance: random.Random, *, school_code: str, class_number: str, entry_year: int) -> Row:
    """Header → cell. Every column of the sheet is there; only what the form leaves open is empty."""
    region = pupil.region.ljust(12, "0")
    address = pupil.home
    own = pupil.document is not None
    row: Row = dict.fromkeys(HEADERS, "")
    row |= {
        "学校标识码": school_code if chance.random() < 0.7 else "",
        "姓名": pupil.name,
        "性别": codes.SETS["性别"].name_of(pupil.sex) if chance.random() < 0.8 else pupil.sex,
        "出生日期": _date(pupil, chance),
        "身份证件类型": "居民身份证" if own else "其他",
        "身份证件号": pupil.document or "",
        "出生地行政区划代码": region if chance.random() < 0.8 else pupil.region,
        "民族": _word("民族", pupil.ethnicity, chance),
        "国籍/地区": chance.choice(("中国", "CHN", "中华人民共和国")),
        "港澳台侨外": chance.choice(("否", "00")),
        "户口性质": chance.choice(("农业户口", "非农业户口", "1", "农业")),
        "户口所在地行政区划": region,
        "现住址": address,
        "是否独生子女": chance.choice(("是", "否", "1", "0")),
        "是否留守儿童": _word("留守儿童", pupil.left_behind, chance),
        "是否进城务工人员随迁子女": "是" if pupil.migrant else "否",
        "是否孤儿": "否",
        "籍贯": "安徽长丰" if pupil.region == words.COUNTY else "外地",
        "健康状况": chance.choice(("健康或良好", "10", "良好")),
        "政治面貌": "群众",
        "年级": chance.choice(("一年级", "1", "一年级", "小学一年级")),
        "班号": class_number,
        "入学年月": chance.choice((f"{entry_year}09", f"{entry_year}.09", f"{entry_year}-09", f"{entry_year}年9月")),
        "入学方式": chance.choice(("就近入学", "11", "就近")),
        "就读方式": chance.choice(("走读", "走读", "走读", "住校", "1")),
        "通信地址": address,
        "家庭地址": address,
        "联系电话": pupil.family[0].phone,
        "邮政编码": "231131",
        "是否受过学前教育": chance.choice(("是", "是", "否")),
        "是否需要申请资助": chance.choice(("否", "否", "是")),
        "是否享受一补": "否",
        "是否烈士或优抚子女": "否",
        "上下学距离": chance.choice((str(chance.randrange(1, 9)), f"{chance.randrange(1, 9)}公里")),
        "上下学方式": chance.choice(("步行", "家长接送", "公交车", "4")),
        "是否需要乘坐校车": "否",
        "曾用名": "",
        "身份证件有效期": f"{entry_year - 1}.06.01-{entry_year + 4}.06.01" if own else "",
        "血型": chance.choice(("A", "B型", "O", "AB", "不详", "")),
        "特长": chance.choice(words.TALENTS),
        "学籍辅号": "",
        "班内学号": "",
        "学生来源": "正常入学",
        "电子信箱": "",
        "主页地址": "",
        "残疾人类型": "无",
        "是否由政府购买学位": "否",
        "随班就读": "无",
        # Half of the clerks write down why there is one parent; the others are asked at pre-review.
        "情况说明": "单亲家庭，随父亲生活。" if len(pupil.family) == 1 and chance.random() < 0.5 else "",
    }
    for number, member in enumerate(pupil.family[:2], 1):
        row |= _member(number, member, address, region)
    if chance.random() < 0.1:
        _untidy(row, chance)
    return row


def _member(number: int, member: Member, address: str, region: str) -> Row:
    return {
        f"成员{number}姓名": member.name,
        f"成员{number}关系": member.relation,
        f"成员{number}关系说明": "" if number == 1 else "同住",
        f"成员{number}现住址": address,
        f"成员{number}户口所在地行政区划": region,
        f"成员{number}联系电话": member.phone,
        f"成员{number}是否监护人": "是" if number == 1 else "否",
        f"成员{number}身份证件类型": "居民身份证",
        f"成员{number}身份证件号": member.document,
        f"成员{number}民族": "汉族",
        f"成员{number}工作单位": member.workplace,
        f"成员{number}职务": "",
    }


def _date(pupil: Pupil, chance: random.Random) -> str:
    born = pupil.born
    forms = ("%Y%m%d", "%Y-%m-%d", "%Y.%m.%d", "%Y/%m/%d", "%Y年%m月%d日")
    return born.strftime(chance.choice(forms))


def _word(code_set: str, code: str, chance: random.Random) -> str:
    return code if chance.random() < 0.3 else codes.SETS[code_set].name_of(code)


_WIDE = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")


def _untidy(row: Row, chance: random.Random) -> None:
    """What sheets bring along and nobody sees: full-width digits, blanks, a lower-case x. The row stays good."""
    number = str(row["身份证件号"])
    row["身份证件号"] = chance.choice((number.translate(_WIDE), number.lower(), f" {number}\t", f"{number}\u3000"))
    row["姓名"] = f"{row['姓名']}\xa0"
    row["联系电话"] = str(row["联系电话"]).translate(_WIDE)
