"""What pydantic found wrong, in Chinese, without what was sent."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

_NAME: Final = re.compile(r"[A-Za-z_-]{1,40}\d{0,3}")
"""What a field of ours is called. Whoever sends an object chooses its keys, and a key may be a person's number."""
_PLACES: Final = {"body", "query", "path", "header", "cookie"}
_DATE: Final = "请填写有效的日期，格式为2026-09-01。"
_MOMENT: Final = "请填写有效的时间，格式为2026-09-01T08:00:00+08:00。"
_NUMBER: Final = "请填写整数。"
_CHOICE: Final = "不在可选范围内，请重新选择。"
_SENTENCES: Final[Mapping[str, str]] = {
    "missing": "此项必填。",
    "extra_forbidden": "不认识此项，请删除。",
    "json_invalid": "内容不是有效的JSON。",
    "json_type": "内容不是有效的JSON。",
    "int_parsing": _NUMBER,
    "int_type": _NUMBER,
    "int_from_float": _NUMBER,
    "int_parsing_size": "数字过大。",
    "float_parsing": "请填写数字。",
    "float_type": "请填写数字。",
    "finite_number": "请填写有限的数字。",
    "decimal_parsing": "请填写数字。",
    "bool_parsing": "请选择是或否。",
    "bool_type": "请选择是或否。",
    "string_type": "请填写文字。",
    "string_unicode": "含有无法识别的字符，请重新输入。",
    "string_pattern_mismatch": "格式不对，请核对后重填。",
    "bytes_type": "请填写文字。",
    "uuid_parsing": "编号格式不对。",
    "uuid_type": "编号格式不对。",
    "enum": _CHOICE,
    "literal_error": _CHOICE,
    "date_parsing": _DATE,
    "date_type": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    "date_past": "日期须早于今天。",
    "date_future": "日期须晚于今天。",
    "datetime_parsing": _MOMENT,
    "datetime_type": _MOMENT,
    "datetime_from_date_parsing": _MOMENT,
    "timezone_aware": "时间须带时区。",
    "list_type": "此项应为列表。",
    "tuple_type": "此项应为列表。",
    "set_type": "此项应为列表。",
    "frozen_set_type": "此项应为列表。",
    "dict_type": "此项应为一组内容。",
    "model_type": "此项应为一组内容。",
    "model_attributes_type": "此项应为一组内容。",
    "none_required": "此项应为空。",
    "duplicate_key": "同一项出现了两次，请只保留一个。",
    "unreadable": "含有无法识别的字符，请重新输入。",
    "too_deep": "内容层次过多。",
}
_WITH_LIMITS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "string_too_short": lambda limit: (
        "此项不能为空。" if limit["min_length"] == 1 else f"至少{limit['min_length']}个字。"
    ),
    "string_too_long": lambda limit: f"最多{limit['max_length']}个字。",
    "too_short": lambda limit: f"至少{limit['min_length']}项。",
    "too_long": lambda limit: f"最多{limit['max_length']}项。",
    "greater_than": lambda limit: f"须大于{limit['gt']}。",
    "greater_than_equal": lambda limit: f"不能小于{limit['ge']}。",
    "less_than": lambda limit: f"须小于{limit['lt']}。",
    "less_than_equal": lambda limit: f"不能大于{limit['le']}。",
}


def invalid_fields(errors: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """For each error the field, dotted (`""` is the whole, `?` a key that is no name of ours), and its sentence."""
    return [{"field": _field(each), "text": _text(each)} for each in errors[:100]]


def _field(error: Mapping[str, Any]) -> str:
    place = tuple(error.get("loc", ()))
    if place and place[0] in _PLACES:
        place = place[1:]
    if error.get("type") == "json_invalid":
        return ""  # the place of a syntax error is an offset, no field
    return ".".join(str(part) if isinstance(part, int) or _NAME.fullmatch(part) else "?" for part in place)


def _text(error: Mapping[str, Any]) -> str:
    kind, context = str(error.get("type", "")), error.get("ctx") or {}
    if kind in _WITH_LIMITS:
        return _WITH_LIMITS[kind](context)
    return _SENTENCES.get(kind, "填写有误，请核对后重填。")
