"""What every test waits by: the answer as soon as it is there, or what was seen last."""

import pytest

from tests.harness.eventually import eventually, waited


async def test_the_first_truthy_answer_is_given_after_failed_assertions_and_empty_answers() -> None:
    answers = iter((AssertionError("not yet"), 0, "", "here"))

    async def asked() -> object:
        answer = next(answers)
        if isinstance(answer, AssertionError):
            raise answer
        return answer

    assert await eventually(asked, within=5, every=0) == "here"
    assert await eventually(lambda: 7, within=0) == 7


async def test_who_waits_in_vain_is_told_what_was_seen_last() -> None:
    with pytest.raises(AssertionError, match=r"not within 0\.05 s; the last answer was 0"):
        await eventually(lambda: 0, within=0.05)

    def assert_it() -> None:
        raise AssertionError("three of five")

    with pytest.raises(AssertionError, match="three of five"):
        await eventually(assert_it, within=0.05)


async def test_another_error_is_not_waited_for() -> None:
    asked = []

    def ask() -> None:
        asked.append(1)
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        await eventually(ask, within=5)
    with pytest.raises(OSError, match="gone"):
        waited(ask, within=5)
    assert len(asked) == 2


def test_a_plain_function_is_told_whether_it_held() -> None:
    answers = iter((0, 1))
    assert waited(lambda: next(answers), within=5, every=0)
    assert not waited(lambda: 0, within=0.02, every=0.01)
