"""What a client has been told outlives the client."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.chaos.journal import Journal, read

ROOT = Path(__file__).parents[2]
CLIENT = """
import sys
from pathlib import Path
from tests.chaos.journal import Journal

journal = Journal(Path(sys.argv[1]))
journal.ok(journal.invoke("submit", "k1"), requests=2)
journal.invoke("submit", "k2")
print("asked", flush=True)
sys.stdin.read()
"""


def test_each_operation_has_its_answer(tmp_path: Path) -> None:
    with Journal(tmp_path / "registrar-1.jsonl") as journal:
        first = journal.invoke("edit", "k1", student="s1")
        second = journal.invoke("edit", "k2")
        third = journal.invoke("edit", "k3")
        journal.fail(second, code="class-full")
        journal.ok(first, version=3)
        journal.info(third, error="ReadTimeout")

    found = read(tmp_path)

    assert [(each.n, each.key, each.outcome, each.told) for each in found] == [
        (1, "k1", "ok", {"version": 3}),
        (2, "k2", "fail", {"code": "class-full"}),
        (3, "k3", "info", {"error": "ReadTimeout"}),
    ]
    assert (found[0].journal, found[0].op, found[0].about) == ("registrar-1", "edit", {"student": "s1"})
    assert all(each.answered is not None and each.answered >= each.asked for each in found)


def test_a_killed_client_leaves_what_it_was_told_and_what_it_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "client.jsonl"
    with subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"asked\n"
        os.kill(client.pid, signal.SIGKILL)

    assert [(each.key, each.outcome) for each in read(tmp_path)] == [("k1", "ok"), ("k2", "info")]
    assert read(tmp_path)[1].answered is None


def test_a_journal_is_gone_on_with_behind_a_line_that_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "client.jsonl"
    with Journal(path) as journal:
        journal.invoke("submit", "k1")
    with path.open("ab") as file:
        file.write(b'{"n":2,"kind":"inv')

    with Journal(path) as journal:
        journal.ok(journal.invoke("submit", "k3"))

    assert [(each.n, each.key, each.outcome) for each in read(tmp_path)] == [(1, "k1", "info"), (2, "k3", "ok")]
