"""The secrets of a local stack: made once, each service gets only what it may have."""

import secrets
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from joserfc.jwk import OKPKey

from contracts.topics import TOPICS, Topic
from local_stack.layout import read_json, write_json

BLIND_KINDS = {"registry": ("uniqueness", "match", "name"), "photo": ("match",), "sync": ("national-number",)}
"""The key of the uniqueness index never leaves registry; photo may only match what registry has told it."""


def passwords(folder: Path, names: list[str]) -> dict[str, str]:
    """The database passwords by role, those that are missing made now."""
    return _kept(folder / "passwords.json", names, lambda _: secrets.token_urlsafe(24))


def write_keyrings(folder: Path, services: list[str]) -> dict[str, Path]:
    """The keyring file of each service and of the nation, and `token-public.json`; name → file."""
    folder.mkdir(parents=True, exist_ok=True)
    store = folder / "keys.json"
    names = [f"vault.{service}" for service in services]
    names += [f"blind.{kind}" for kind in dict.fromkeys(kind for kinds in BLIND_KINDS.values() for kind in kinds)]
    names += [f"wire.{topic.name}" for topic in TOPICS if topic.sealed]
    keys = _kept(store, names, lambda _: b64encode(secrets.token_bytes(32)).decode())
    token = _token_key(folder / "token-key.json")
    public = {"keys": [token.as_dict(private=False)]}
    files = {"token_public": folder / "token-public.json"}
    write_json(files["token_public"], public)
    for name in [*services, "nation"]:
        ring: dict[str, Any] = {
            "wire": {topic.name: _ring("w1", keys[f"wire.{topic.name}"]) for topic in TOPICS if _may_open(name, topic)}
        }
        if name != "nation":
            ring["vault"] = _ring("k1", keys[f"vault.{name}"])
            ring["blind"] = {kind: keys[f"blind.{kind}"] for kind in BLIND_KINDS.get(name, ())}
            ring["token_public"] = public
        if name == "registry":
            ring["token_private"] = token.as_dict(private=True)
        files[name] = folder / f"{name}.keys.json"
        write_json(files[name], ring)
    return files


def _may_open(name: str, topic: Topic) -> bool:
    return topic.sealed and (name == topic.writer or name in topic.readers)


def _ring(key_id: str, key: str) -> dict[str, Any]:
    return {"current": key_id, "keys": {key_id: key}}


def _token_key(file: Path) -> OKPKey:
    known = read_json(file)
    if known:
        return OKPKey.import_key(known)
    made = OKPKey.generate_key(
        "Ed25519", {"kid": f"t{secrets.token_hex(4)}", "use": "sig", "alg": "EdDSA"}, private=True
    )
    write_json(file, made.as_dict(private=True))
    return made


def _kept(file: Path, names: list[str], make: Callable[[str], str]) -> dict[str, str]:
    known = read_json(file)
    missing = [name for name in names if name not in known]
    if missing:
        known |= {name: make(name) for name in missing}
        write_json(file, known)
    return known
