"""`python -m contracts check|publish|release DIRECTORY`: the one place of this package that touches files.

check    exit 1, with a sentence for each, when the schemas on disk are not today's or today's break the released ones
publish  write today's schemas
release  check, then make today's schemas the ones that later changes are held to
"""

import json
import sys
from pathlib import Path
from typing import Any

from contracts import gate


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _today() -> dict[str, str]:
    return {name: _text(gate.schema_of(event)) for name, event in gate.events().items()}


def complaints(root: Path) -> list[str]:
    """Everything that keeps the contracts in `root` from passing the gate."""
    today, found = _today(), []
    on_disk = {path.name: path.read_text("utf-8") for path in (root / "schemas").glob("*.json")}
    found += [
        f"schemas/{name} is not today's: run make contracts." for name in today if on_disk.get(name) != today[name]
    ]
    found += [f"schemas/{name} belongs to no event." for name in on_disk if name not in today]
    for path in sorted((root / "schemas" / "released").glob("*.json")):
        if path.name not in today:
            found.append(f"{path.stem}: a released event is gone; keep it, or speak it on a new topic.")
        else:
            found += gate.broken(
                path.stem.rsplit(".", 1)[1], json.loads(path.read_text("utf-8")), json.loads(today[path.name])
            )
    for name, event in gate.events().items():
        examples = [path.read_bytes() for path in sorted((root / "examples").glob(f"*/{name}"))]
        if not examples:
            found.append(f"{event.__name__} has no recorded example in examples/*/{name}.")
        elif unread := [why for example in examples if (why := gate.unreadable(event, example))]:
            found += unread
        else:
            found += gate.unspoken(event.__name__, json.loads(today[name]), [json.loads(each) for each in examples])
    found += [
        f"examples/{path.parent.name}/{path.name} is of an event that is gone; keep the event, for it was once spoken."
        for path in sorted((root / "examples").glob("*/*.json"))
        if path.name not in today
    ]
    return found


def main(arguments: list[str]) -> int:
    """Exit code of the command."""
    if len(arguments) != 2 or arguments[0] not in ("check", "publish", "release"):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    verb, root = arguments[0], Path(arguments[1])
    if verb == "publish":
        (root / "schemas").mkdir(parents=True, exist_ok=True)
        for stale in {path.name for path in (root / "schemas").glob("*.json")} - set(_today()):
            (root / "schemas" / stale).unlink()
        for name, text in _today().items():
            (root / "schemas" / name).write_text(text, "utf-8")
        return 0
    found = complaints(root)
    sys.stderr.writelines(f"{sentence}\n" for sentence in found)
    if verb == "release" and not found:
        (root / "schemas" / "released").mkdir(parents=True, exist_ok=True)
        for name, text in _today().items():
            (root / "schemas" / "released" / name).write_text(text, "utf-8")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
