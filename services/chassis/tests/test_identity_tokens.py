import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import KeySet, OctKey, OKPKey, RSAKey

from chassis.identity import TokenExpired, TokenInvalid, TokenIssuer, TokenVerifier
from chassis.settings import ServiceSettings
from contracts.values import Role
from services.chassis.tests.web import an_actor, service_settings, signing_key, write_key_file

NOW = datetime(2026, 9, 1, 8, 0, 0, tzinfo=UTC)
REGISTRAR = an_actor(Role.REGISTRAR, Role.TEACHER, version=4)


@pytest.fixture
def settings(tmp_path: Path) -> ServiceSettings:
    return service_settings("postgresql+asyncpg://nobody@127.0.0.1:9/none", write_key_file(tmp_path))


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    def read(part: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=="))
        return found

    header, claims, signature = token.split(".")
    return read(header), read(claims), signature


def part(value: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def refused(settings: ServiceSettings, token: str, at: datetime = NOW) -> type[Exception]:
    with pytest.raises((TokenInvalid, TokenExpired)) as found:
        TokenVerifier(settings).verify(token, at)
    return found.type


def test_a_token_says_who_acts(settings: ServiceSettings) -> None:
    token, ends = TokenIssuer(settings).issue(REGISTRAR, NOW)
    assert ends == NOW + timedelta(seconds=60)
    assert TokenVerifier(settings).verify(token, NOW) == REGISTRAR
    header, claims, _ = parts(token)
    assert header == {"alg": "Ed25519", "kid": "t1", "typ": "JWT"}
    assert claims["roles"] == ["school.registrar", "school.teacher"]
    assert (claims["exp"] - claims["iat"], claims["iss"]) == (60, "registry")


def test_a_token_ends_at_its_sixtieth_second(settings: ServiceSettings) -> None:
    token, ends = TokenIssuer(settings).issue(REGISTRAR, NOW)
    verifier = TokenVerifier(settings)
    verifier.verify(token, ends - timedelta(microseconds=1))
    for late in (ends, ends + timedelta(days=1)):
        with pytest.raises(TokenExpired):
            verifier.verify(token, late)


def test_a_token_from_the_future_is_refused(settings: ServiceSettings) -> None:
    token, _ = TokenIssuer(settings).issue(REGISTRAR, NOW)
    verifier = TokenVerifier(settings)
    verifier.verify(token, NOW - timedelta(seconds=5))  # clocks differ a little
    with pytest.raises(TokenInvalid):
        verifier.verify(token, NOW - timedelta(seconds=6))


def test_changed_claims_are_refused(settings: ServiceSettings) -> None:
    token, _ = TokenIssuer(settings).issue(REGISTRAR, NOW)
    header, claims, signature = parts(token)
    forged = {**claims, "roles": ["province.admin"]}
    assert refused(settings, f"{part(header)}.{part(forged)}.{signature}") is TokenInvalid


@pytest.mark.parametrize("place", range(3))
def test_a_changed_character_is_refused(settings: ServiceSettings, place: int) -> None:
    token, _ = TokenIssuer(settings).issue(REGISTRAR, NOW)
    pieces = token.split(".")
    middle = len(pieces[place]) // 2
    letter = "A" if pieces[place][middle] != "A" else "B"
    pieces[place] = pieces[place][:middle] + letter + pieces[place][middle + 1 :]
    assert refused(settings, ".".join(pieces)) is TokenInvalid


def test_another_key_of_the_same_name_is_refused(settings: ServiceSettings, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    stranger = service_settings(settings.database, write_key_file(other, signing_key("t1")))
    token, _ = TokenIssuer(stranger).issue(REGISTRAR, NOW)
    assert refused(settings, token) is TokenInvalid


def test_an_unknown_key_is_refused(settings: ServiceSettings, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    stranger = service_settings(settings.database, write_key_file(other, signing_key("t9")))
    token, _ = TokenIssuer(stranger).issue(REGISTRAR, NOW)
    assert refused(settings, token) is TokenInvalid


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "RS256", "EdDSA", ""])
def test_another_algorithm_is_refused(settings: ServiceSettings, algorithm: str) -> None:
    token, _ = TokenIssuer(settings).issue(REGISTRAR, NOW)
    header, claims, signature = parts(token)
    head = part({**header, "alg": algorithm})
    for ending in ("", signature):
        assert refused(settings, f"{head}.{part(claims)}.{ending}") is TokenInvalid


def test_the_public_key_is_no_secret_to_sign_with(settings: ServiceSettings) -> None:
    """The classic confusion: HMAC with the public key as its secret."""
    token, _ = TokenIssuer(settings).issue(REGISTRAR, NOW)
    _, claims, _ = parts(token)
    public = json.loads(settings.keys.read_text())["token_public"]["keys"][0]["x"]
    secret = OctKey.import_key(urlsafe_b64decode(public + "=="))
    header = {"alg": "HS256", "kid": "t1"}
    forged = jws.serialize_compact(header, json.dumps(claims), secret, algorithms=["HS256"])
    assert refused(settings, forged) is TokenInvalid
    rsa = RSAKey.generate_key(2048)
    forged = jws.serialize_compact({"alg": "RS256", "kid": "t1"}, json.dumps(claims), rsa, algorithms=["RS256"])
    assert refused(settings, forged) is TokenInvalid


@pytest.mark.parametrize(
    "change",
    [{"iss": "review"}, {"exp": 9_999_999_999}, {"roles": ["root"]}, {"sub": "me"}, {"version": None}, {"iat": "x"}],
)
def test_signed_claims_that_do_not_fit_are_refused(settings: ServiceSettings, change: dict[str, Any]) -> None:
    token, _ = TokenIssuer(settings).issue(REGISTRAR, NOW)
    header, claims, _ = parts(token)
    private = json.loads(settings.keys.read_text())["token_private"]
    del private["alg"]
    key = OKPKey.import_key(private)
    signed = jws.serialize_compact(header, json.dumps(claims | change), key, algorithms=["Ed25519"])
    assert refused(settings, signed) is TokenInvalid


@pytest.mark.parametrize("garbage", ["", ".", "..", "a.b.c", "e30.e30.", "登录", "x" * 5000, "e30.e30.e30.e30"])
def test_garbage_is_refused(settings: ServiceSettings, garbage: str) -> None:
    assert refused(settings, garbage) is TokenInvalid


def test_keys_rotate_without_a_restart(
    settings: ServiceSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = signing_key("t1"), signing_key("t2")
    both = KeySet([old, new]).as_dict(private=False)
    write_key_file(tmp_path, old)
    verifier = TokenVerifier(settings)
    before, _ = TokenIssuer(settings).issue(REGISTRAR, NOW)
    write_key_file(tmp_path, new, token_public=both)
    after, _ = TokenIssuer(settings).issue(REGISTRAR, NOW)
    monkeypatch.setattr(TokenVerifier, "_AGAIN", 0.0)
    assert verifier.verify(after, NOW) == REGISTRAR
    assert verifier.verify(before, NOW) == REGISTRAR


def test_public_keys_may_stand_in_a_file_of_their_own(settings: ServiceSettings, tmp_path: Path) -> None:
    ring = json.loads(settings.keys.read_text())
    public = tmp_path / "public.json"
    public.write_text(json.dumps(ring["token_public"]))
    token, _ = TokenIssuer(settings).issue(REGISTRAR, NOW)
    apart = settings.model_copy(update={"token_public_keys": public})
    assert TokenVerifier(apart).verify(token, NOW) == REGISTRAR
