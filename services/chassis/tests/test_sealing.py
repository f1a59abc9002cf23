import json
from base64 import b64decode, b64encode
from pathlib import Path
from uuid import UUID

import pytest
from joserfc import jwe
from joserfc.jwk import OctKey

from chassis.sealing import SealBroken, Vault, WireKeys
from services.chassis.tests.web import key, write_key_file

ROW = UUID("01930000-0000-7000-8000-000000000001")
OTHER = UUID("01930000-0000-7000-8000-000000000002")
ID = "999999201509011238"
TOPIC = "sync.outcome.v1"


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.read(write_key_file(tmp_path))


@pytest.fixture
def wire(tmp_path: Path) -> WireKeys:
    return WireKeys.read(write_key_file(tmp_path))


def test_a_sealed_value_opens_where_it_belongs(vault: Vault) -> None:
    sealed = vault.seal(ID.encode(), table="student", column="document", row=ROW)
    assert ID.encode() not in sealed
    assert vault.open(sealed, table="student", column="document", row=ROW) == ID.encode()
    again = vault.seal(ID.encode(), table="student", column="document", row=ROW)
    assert again != sealed


@pytest.mark.parametrize(
    ("table", "column", "row"),
    [
        ("student", "document", OTHER),
        ("student", "phone", ROW),
        ("guardian", "document", ROW),
        # The same letters, cut elsewhere.
        ("studentd", "ocument", ROW),
    ],
)
def test_a_sealed_value_does_not_open_elsewhere(vault: Vault, table: str, column: str, row: UUID) -> None:
    sealed = vault.seal(ID.encode(), table="student", column="document", row=ROW)
    with pytest.raises(SealBroken) as broken:
        vault.open(sealed, table=table, column=column, row=row)
    assert ID not in str(broken.value)


def test_a_changed_value_does_not_open(vault: Vault) -> None:
    sealed = vault.seal(ID.encode(), table="student", column="document", row=ROW)
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(SealBroken):
            vault.open(changed, table="student", column="document", row=ROW)
    for cut in range(len(sealed)):
        with pytest.raises(SealBroken):
            vault.open(sealed[:cut], table="student", column="document", row=ROW)


def test_what_an_old_key_sealed_still_opens_and_can_be_found(tmp_path: Path) -> None:
    before = Vault({"current": "k1", "keys": {"k1": key("v")}}, {})
    after = Vault({"current": "k2", "keys": {"k1": key("v"), "k2": key("w")}}, {})
    old = before.seal(b"x", table="t", column="c", row=ROW)
    new = after.seal(b"x", table="t", column="c", row=ROW)
    assert after.open(old, table="t", column="c", row=ROW) == b"x"
    assert (after.key_of(old), after.key_of(new), after.current) == ("k1", "k2", "k2")
    with pytest.raises(SealBroken):
        before.open(new, table="t", column="c", row=ROW)


def test_a_blind_index_depends_on_the_key_of_its_kind_and_on_where_parts_end(vault: Vault) -> None:
    assert vault.blind("uniqueness", "01", ID) == vault.blind("uniqueness", "01", ID)
    assert len(vault.blind("uniqueness", "01", ID)) == 32
    others = {
        vault.blind("uniqueness", "01", ID),
        vault.blind("match", "01", ID),
        vault.blind("uniqueness", "019", ID[1:]),
        vault.blind("uniqueness", "01" + ID),
        vault.blind("uniqueness", "01", ID, ""),
    }
    assert len(others) == 5
    with pytest.raises(KeyError):
        vault.blind("name", "x")


def test_a_blind_index_is_hmac_sha_256_over_length_prefixed_parts(vault: Vault) -> None:
    import hashlib
    import hmac

    message = b"\0\0\0\x0201\0\0\0\x12" + ID.encode()
    expected = hmac.new(b"u" * 32, message, hashlib.sha256).digest()
    assert vault.blind("uniqueness", "01", ID) == expected


def test_a_sealed_body_opens_for_its_record_alone(wire: WireKeys) -> None:
    sealed = wire.seal(TOPIC, ROW, 1, 7, b'{"number": 1}')
    assert wire.open(TOPIC, ROW, 1, 7, sealed) == b'{"number": 1}'
    for subject, epoch, version in ((OTHER, 1, 7), (ROW, 2, 7), (ROW, 1, 8), (ROW, 0, 0)):
        with pytest.raises(SealBroken):
            wire.open(TOPIC, subject, epoch, version, sealed)
    with pytest.raises(SealBroken):
        wire.open("registry.student-record.v1", ROW, 1, 7, sealed)


def test_a_sealed_body_is_jwe_that_any_library_reads(wire: WireKeys) -> None:
    sealed = wire.seal(TOPIC, ROW, 1, 7, b"{}")
    registry = jwe.JWERegistry(algorithms=["dir", "A256GCM"], strict_check_header=False)
    found = jwe.decrypt_compact(sealed, OctKey.import_key(b"w" * 32), registry=registry)
    assert found.plaintext == b"{}"
    assert found.protected == {
        "alg": "dir",
        "enc": "A256GCM",
        "kid": "w1",
        "topic": TOPIC,
        "subject": str(ROW),
        "epoch": 1,
        "version": 7,
    }


def test_what_any_library_has_sealed_opens(wire: WireKeys) -> None:
    header = {"alg": "dir", "enc": "A256GCM", "kid": "w1", "topic": TOPIC, "subject": str(ROW)}
    loose = jwe.JWERegistry(algorithms=["dir", "A256GCM", "DEF"], strict_check_header=False)
    sealed = jwe.encrypt_compact(header, b"{}", OctKey.import_key(b"w" * 32), registry=loose)
    assert wire.open(TOPIC, ROW, 0, 0, sealed.encode()) == b"{}"
    turned = jwe.encrypt_compact(dict(reversed(header.items())), b"{}", OctKey.import_key(b"w" * 32), registry=loose)
    assert turned.split(".")[0] != sealed.split(".")[0]
    assert wire.open(TOPIC, ROW, 0, 0, turned.encode()) == b"{}"
    with pytest.raises(SealBroken):
        wire.open(TOPIC, OTHER, 0, 0, turned.encode())
    # What a header asks for and we do not do is refused, not overlooked.
    squeezed = jwe.encrypt_compact({**header, "zip": "DEF"}, b"{}", OctKey.import_key(b"w" * 32), registry=loose)
    with pytest.raises(SealBroken):
        wire.open(TOPIC, ROW, 0, 0, squeezed.encode())


def test_every_changed_character_of_a_sealed_body_is_seen(wire: WireKeys) -> None:
    sealed = wire.seal(TOPIC, ROW, 1, 7, b"{}")
    for at in range(len(sealed)):
        changed = sealed[:at] + (b"!" if sealed[at : at + 1] != b"!" else b"?") + sealed[at + 1 :]
        with pytest.raises(SealBroken):
            wire.open(TOPIC, ROW, 1, 7, changed)


def test_a_foreign_body_names_topic_and_subject_only(wire: WireKeys) -> None:
    sealed = wire.seal(TOPIC, ROW, 0, 0, b"{}")
    head = sealed.split(b".")[0]
    header = json.loads(b64decode(head + b"=" * (-len(head) % 4), altchars=b"-_"))
    assert set(header) == {"alg", "enc", "kid", "topic", "subject"}
    assert wire.open(TOPIC, ROW, 0, 0, sealed) == b"{}"
    with pytest.raises(SealBroken):
        wire.open(TOPIC, ROW, 1, 7, sealed)


@pytest.mark.parametrize("garbage", [b"", b"....", b"e30....", b"{}", b"eyJraWQiOiJ3MSJ9.a.b.c.d", b"\xff\xfe.x"])
def test_garbage_does_not_open(wire: WireKeys, garbage: bytes) -> None:
    with pytest.raises(SealBroken):
        wire.open(TOPIC, ROW, 1, 7, garbage)


def test_another_algorithm_does_not_open(wire: WireKeys) -> None:
    # The same key, wrapped and ciphered in a way that the house does not use.
    header = {"alg": "A256KW", "enc": "A128CBC-HS256", "kid": "w1", "topic": TOPIC}
    loose = jwe.JWERegistry(algorithms=["A256KW", "A128CBC-HS256"], strict_check_header=False)
    other = jwe.encrypt_compact(header, b"{}", OctKey.import_key(b"w" * 32), registry=loose)
    with pytest.raises(SealBroken):
        wire.open(TOPIC, ROW, 1, 7, other.encode())


def test_what_an_old_wire_key_sealed_still_opens() -> None:
    def ring(current: str, **keys: str) -> dict[str, object]:
        return {
            "current": current,
            "keys": {name: b64encode(each.encode() * 32).decode() for name, each in keys.items()},
        }

    before = WireKeys({TOPIC: ring("w1", w1="a")})
    after = WireKeys({TOPIC: ring("w2", w1="a", w2="b")})
    assert after.open(TOPIC, ROW, 1, 1, before.seal(TOPIC, ROW, 1, 1, b"x")) == b"x"
    with pytest.raises(SealBroken):
        before.open(TOPIC, ROW, 1, 1, after.seal(TOPIC, ROW, 1, 1, b"x"))


def test_a_large_body_travels(wire: WireKeys) -> None:
    body = b"x" * 500_000
    assert wire.open(TOPIC, ROW, 1, 1, wire.seal(TOPIC, ROW, 1, 1, body)) == body
