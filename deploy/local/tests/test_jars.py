"""Kafka's jars where the network does not reach."""

import socket
from pathlib import Path

import pytest

from local_stack.jars import kafka_jars
from local_stack.refusing import CannotStartError


def test_without_a_network_one_sentence_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK_CACHE", str(tmp_path / "cache"))
    # No repository of Maven's own either, and a way out that nobody answers at.
    monkeypatch.setenv("HOME", str(tmp_path))
    for exempted in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(exempted, raising=False)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        for scheme in ("http", "https"):
            monkeypatch.setenv(f"{scheme}_proxy", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        with pytest.raises(CannotStartError) as refused:
            kafka_jars()
    assert str(refused.value) == (
        "Kafka's jars could not be fetched from Maven Central (Connection refused); connect to the network once, "
        f"or put the 46 files of kafka_jars.sha256 into {tmp_path}/cache/kafka-4.3.1."
    )
    assert list((tmp_path / "cache").iterdir()) == [tmp_path / "cache" / "kafka.lock"]
