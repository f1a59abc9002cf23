"""Words of the screens for what services name by codes, and how each is marked."""

from collections.abc import Mapping
from typing import Final

from contracts import codes, record
from contracts.values import STAGE_NAMES, STATUS_NAMES, NumberKind, NumberStatus, PhotoState, Role

ROLE_NAMES: Final[Mapping[str, str]] = {
    Role.PROVINCE_ADMIN: "省级管理员",
    Role.OFFICER: "主管单位审核员",
    Role.VIEWER: "主管单位查询员",
    Role.REGISTRAR: "学校学籍管理员",
    Role.TEACHER: "班主任",
}
KIND_NAMES: Final[Mapping[str, str]] = {
    "province": "省级教育行政部门",
    "city": "市级教育行政部门",
    "county": "县级教育行政部门",
    "zone": "功能区教育管理机构",
    "school": "学校",
    "campus": "分校",
}
SCHOOLING_NAMES: Final[Mapping[str, str]] = {"6-3": "六三学制", "5-4": "五四学制"}
STAGES: Final[Mapping[str, str]] = {stage.value: name for stage, name in STAGE_NAMES.items()}
STATUSES: Final[Mapping[str, str]] = {status.value: name for status, name in STATUS_NAMES.items()}
NUMBER_KINDS: Final[Mapping[str, str]] = {NumberKind.STUDENT: "学籍号", NumberKind.REGIONAL: "地区学号"}
NUMBER_STATUSES: Final[Mapping[str, str]] = {
    NumberStatus.PROVISIONAL: "临时",
    NumberStatus.CONFIRMED: "已确认",
    NumberStatus.REPLACED: "已更换",
    NumberStatus.VOID: "已作废",
}
GRADES: Final[Mapping[str, str]] = {
    str(number): name
    for number, name in enumerate(
        (
            "一年级",
            "二年级",
            "三年级",
            "四年级",
            "五年级",
            "六年级",
            "七年级",
            "八年级",
            "九年级",
            "高一",
            "高二",
            "高三",
        ),
        1,
    )
}
WINDOW_NAMES: Final[Mapping[str, str]] = {"entry": "新生注册", "graduation": "毕业办理", "transfer": "转学办理"}
EVIDENCE_NAMES: Final[Mapping[str, str]] = {
    "household-register": "户口簿",
    "identity-document": "身份证件",
    "guardian-document": "监护人证件",
    "birth-certificate": "出生医学证明",
    "residence-permit": "居住证明",
    "disability-certificate": "残疾证明",
    "orphan-certificate": "孤儿证明",
    "martyr-certificate": "烈士或优抚证明",
    "other": "其他材料",
}
"""What a file proves; registry takes no other kinds."""

Mark = tuple[str, str]
"""A word, and the tone in which it shows: good, wait, warn, bad, calm."""
MARKS: Final[Mapping[str, Mapping[str, Mark]]] = {
    "status": {
        "draft": ("待提交", "calm"),
        "submitted": ("待审核", "wait"),
        "returned": ("已退回", "warn"),
        "rejected": ("不予通过", "bad"),
        "registered": ("在籍", "good"),
        "removed": ("已撤销", "calm"),
    },
    "photo": {
        PhotoState.REQUIRED: ("待采集", "warn"),
        PhotoState.ACCEPTED: ("合格", "good"),
        PhotoState.REFUSED: ("不合格", "bad"),
    },
    "standing": {
        "waiting": ("待国家答复", "wait"),
        "accepted": ("国家已接收", "good"),
        "rejected": ("国家未接收", "bad"),
        "problem": ("问题学籍", "warn"),
    },
    "verdict": {"green": ("可提交", "good"), "amber": ("需说明", "warn"), "red": ("需修改", "bad")},
    "case": {
        "open": ("待审核", "wait"),
        "decided": ("已办结", "calm"),
        "withdrawn": ("已撤回", "calm"),
    },
    "decision": {
        "approved": ("审核通过", "good"),
        "returned": ("退回修改", "warn"),
        "rejected": ("不予通过", "bad"),
        "withdrawn": ("已撤回", "calm"),
    },
    "band": {
        "standard": ("标准", "good"),
        "above-standard": ("超标准", "warn"),
        "large": ("大班额", "bad"),
        "oversize": ("超大班额", "bad"),
    },
    "outcome": {
        "created": ("新增", "good"),
        "updated": ("更新", "good"),
        "unchanged": ("无变化", "calm"),
        "duplicate": ("重复", "warn"),
        "refused": ("未通过", "bad"),
    },
    "import": {
        "waiting": ("等待处理", "wait"),
        "reading": ("正在读取", "wait"),
        "checking": ("正在检查", "wait"),
        "checked": ("检查完毕，待确认", "warn"),
        "running": ("正在导入", "wait"),
        "done": ("已完成", "good"),
        "refused": ("文件未通过", "bad"),
        "undoing": ("正在撤销", "wait"),
        "undone": ("已撤销", "calm"),
        "expired": ("已过期", "calm"),
    },
    "file": {
        "accepted": ("已采用", "good"),
        "matched": ("已手动匹配", "good"),
        "ambiguous": ("待匹配", "warn"),
        "unmatched": ("未匹配", "warn"),
        "refused": ("不合格", "bad"),
    },
    "archive": {
        "waiting": ("等待处理", "wait"),
        "running": ("正在处理", "wait"),
        "done": ("处理完毕", "good"),
    },
}
SYMBOLS: Final[Mapping[str, str]] = {"good": "✓", "wait": "…", "warn": "!", "bad": "✕", "calm": "·"}
"""Beside the colour, for nothing relies on colour alone."""

DONE: Final[Mapping[str, str]] = {
    "class-created": "班级已建立。",
    "class-changed": "班级信息已保存。",
    "class-closed": "班级已撤销。",
    "limit-raised": "班额上限已放宽。",
    "plan-set": "班级计划已保存。",
    "school-changed": "学校信息已保存。",
    "campus-created": "分校已建立。",
    "organisation-created": "机构已建立。可以为它开通账号了。",
    "organisation-changed": "机构信息已保存。",
    "authority-changed": "主管单位已变更。",
    "schooling-changed": "学制已变更。",
    "account-disabled": "账号已停用，其登录已全部失效。",
    "account-enabled": "账号已启用。",
    "window-set": "办理时间已保存。",
    "extended": "已延期。",
    "pupil-created": "学生信息已保存为草稿。请继续采集照片。",
    "pupil-changed": "学籍信息已保存。",
    "pupil-removed": "已按未报到撤销，身份证件号和学位已释放。",
    "photo-taken": "照片合格，已采用。",
    "photo-matched": "已匹配，照片已采用。",
    "evidence-added": "佐证材料已上传。",
    "evidence-dropped": "佐证材料已删除。",
    "duplicate-settled": "该疑似重复已处理完毕。",
    "password-changed": "密码已修改，其他设备上的登录已失效。",
    "signed-out": "您已安全退出。",
    "explained": "情况说明已保存。",
    "case-approved": "已审核通过。",
    "case-returned": "已退回学校修改。",
    "case-rerouted": "已改派。",
    "case-rejected": "已决定不予通过。",
    "import-repeated": "同一文件正在处理中，没有重复上传。以下是它的进度。",
    "respoken": "已重新发送给国家系统。",
}
"""Code in the address → what has been done. Only these sentences can be shown that way."""

LABELS: Final[Mapping[str, str]] = {
    **{field: item.label for field, item in record.BY_FIELD.items()},
    "grade": "年级",
    "class_number": "班级",
    "photo": "照片",
    "evidence": "佐证材料",
    "family": "家庭成员",
    "reasons": "情况说明",
    "schooling_from": "学制生效日期",
}


def label_of(path: str | None) -> str:
    """What a field is called on the form: `family.0.phone` is 成员1联系电话; the path itself when it is unknown."""
    if not path:
        return ""
    parts = path.split(".")
    if parts[0] == "family" and len(parts) == 3 and parts[1].isdigit():
        item = record.FAMILY_BY_FIELD.get(parts[2])
        return f"成员{int(parts[1]) + 1}{item.label if item else parts[2]}"
    return LABELS.get(path, path)


def word_of(path: str, value: str | None, names: Mapping[str, str | None] | None = None) -> str:
    """What a value of the record reads like: the name of a code, where there is one."""
    if value is None or value == "":
        return ""
    told = (names or {}).get(path)
    if told:
        return told
    field = path.split(".")[-1]
    item = (record.FAMILY_BY_FIELD if path.startswith("family.") else record.BY_FIELD).get(field)
    if item is None:
        return value
    if item.codes:
        return codes.SETS[item.codes].name_of(value)
    if item.form is record.Form.REGION:
        name = codes.region_name(value)
        return f"{name}（{value}）" if name else value
    return value


def options(code_set: str) -> list[tuple[str, str]]:
    """Code and word of a code set, for a choice."""
    return list(codes.SETS[code_set].codes.items())


CODED: Final[Mapping[str, str]] = {
    "area_type": "所在地区类别",
    "economy_type": "所在地经济属性",
    "ethnic_type": "所在地民族属性",
    "ownership": "学校办别_2007规范",
    "setting": "驻地城乡类型",
    "category": "办学类型",
}
"""Field of an organisation → its code set."""


def coded(field: str, code: str | None) -> str:
    """The word of an organisation's coded field."""
    return codes.SETS[CODED[field]].name_of(code)
