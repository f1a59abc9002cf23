"""What may be somebody's is found in a log however it is written there."""

import json
from pathlib import Path

import pytest

from tests.chaos.canaries import SURNAME, hits
from tests.chaos.check.places import words, words_of_files


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "学生张三丰不存在"}',
        json.dumps({"event": "学生张三丰不存在"}),
        json.dumps({"event": json.dumps({"why": "学生张三丰不存在"})}),
        json.dumps({"event": str("学生张三丰不存在".encode())}),
        json.dumps({"path": "/students?why=%E5%AD%A6%E7%94%9F%E5%BC%A0%E4%B8%89%E4%B8%B0%E4%B8%8D%E5%AD%98%E5%9C%A8"}),
    ],
    ids=["plain", "JSON", "JSON within JSON", "bytes as Python writes them", "URL"],
)
def test_a_name_is_read_however_it_is_escaped(line: str) -> None:
    assert words(line.encode()) == ["学生张三丰不存在"]


def test_a_rare_character_is_two_escapes_and_half_of_one_is_none() -> None:
    assert words(json.dumps("丁𠮷").encode()) == ["丁𠮷"]
    assert words(rb'"\ud842 \u4e01\u4e11"') == ["丁丑"]


def test_words_are_told_with_their_log(tmp_path: Path) -> None:
    file = tmp_path / "sync.log"
    file.write_text(json.dumps({"of": "张三"}) + "\nnothing\n" + json.dumps({"phone": "13900000001"}) + "\n")
    found: list[tuple[str, str]] = []
    words_of_files([file], lambda word, where: found.append((word, where)))
    assert found == [("张三", "log sync.log"), ("13900000001", "log sync.log")]


@pytest.mark.parametrize(
    "written",
    [
        SURNAME,
        json.dumps(SURNAME),
        json.dumps(json.dumps(SURNAME)),
        json.dumps(str(SURNAME.encode())),
    ],
    ids=["plain", "JSON", "JSON within JSON", "bytes as Python writes them"],
)
def test_a_canary_is_found_however_it_is_escaped(written: str) -> None:
    assert hits(written.encode()) == 1
