"""Tokens: JWT signed with Ed25519. One service issues them, every service verifies them without asking anybody."""

import json
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol

from pydantic import ValidationError

from chassis.identity.actor import Actor
from contracts.identity import Claims
from contracts.refusal import Refusal

TOKEN_LIFE: Final = timedelta(seconds=60)
ISSUER: Final = "registry"
_ALGORITHM: Final = "Ed25519"
"""The fully specified name; the older "EdDSA" left the curve open (RFC 9864)."""
_LONGEST: Final = 4096
_AHEAD: Final = 5
"""Seconds by which the issuer's clock may be ahead of ours."""


class TokenInvalid(Refusal):
    """There is no token, or it was not signed by the issuer."""

    status = 401

    def __init__(self) -> None:
        super().__init__("token-invalid", "您尚未登录，或登录信息无效。请重新登录。")


class TokenExpired(Refusal):
    """The token was good, and is not any more: it is too old, or its account has changed since."""

    status = 401

    def __init__(self) -> None:
        super().__init__("token-expired", "登录信息已过期。请刷新页面；如仍不行，请重新登录。")


class _Keyring(Protocol):
    @property
    def keys(self) -> Path: ...


class _PublicKeys(Protocol):
    @property
    def token_public_keys(self) -> Path: ...


class TokenIssuer:
    """Signs tokens with the private key of the key file (`token_private`)."""

    def __init__(self, settings: _Keyring) -> None:
        from joserfc.jwk import OKPKey

        private = json.loads(settings.keys.read_text("utf-8"))["token_private"]
        self._key = OKPKey.import_key(_without_algorithm(private))
        self._header = {"alg": _ALGORITHM, "kid": private["kid"], "typ": "JWT"}
        self._registry = _registry()

    def issue(self, actor: Actor, now: datetime) -> tuple[str, datetime]:
        """A token for the actor, and when it ends."""
        from joserfc import jws

        issued = int(now.timestamp())
        ends = issued + int(TOKEN_LIFE.total_seconds())
        claims = Claims(
            iss=ISSUER,
            sub=actor.account_id,
            person=actor.person_id,
            organisation=actor.organisation_id,
            roles=tuple(sorted(actor.roles)),
            version=actor.version,
            session=actor.session_id,
            iat=issued,
            exp=ends,
        )
        token = jws.serialize_compact(self._header, claims.model_dump_json(), self._key, registry=self._registry)
        return token, datetime.fromtimestamp(ends, now.tzinfo or UTC)


class TokenVerifier:
    """Verifies tokens with the public keys of a JWKS, or of a key file that has `token_public`.

    The file is read again, at most every few seconds, when a token names a key that is not known yet: so keys rotate
    without a restart.
    """

    _AGAIN = 5.0

    def __init__(self, settings: _PublicKeys) -> None:
        self._path = settings.token_public_keys
        self._registry = _registry()
        self._keys: dict[str, Any] = {}
        self._read_at = 0.0
        self._read()
        # A page asks many times with one token: its signature is checked once, its time each time.
        self._signed = lru_cache(maxsize=4096)(self._claims)

    def verify(self, token: str, now: datetime) -> Actor:
        """Who acts. Raises TokenInvalid, and TokenExpired from the very second on in which the token ends."""
        claims = self._signed(token)
        moment = now.timestamp()
        if claims.iss != ISSUER or claims.iat > moment + _AHEAD or claims.exp - claims.iat > TOKEN_LIFE.total_seconds():
            raise TokenInvalid
        if moment >= claims.exp:
            raise TokenExpired
        return Actor(
            account_id=claims.sub,
            person_id=claims.person,
            organisation_id=claims.organisation,
            roles=frozenset(claims.roles),
            version=claims.version,
            session_id=claims.session,
        )

    def _claims(self, token: str) -> Claims:
        """What a token says that was signed by the issuer. Raises TokenInvalid."""
        from joserfc import jws
        from joserfc.errors import JoseError

        if not token.isascii() or len(token) > _LONGEST:
            raise TokenInvalid
        try:
            extracted = jws.extract_compact(token.encode())
            header = extracted.headers()
            key = self._key(header.get("kid"))
            if header.get("alg") != _ALGORITHM or key is None:
                raise TokenInvalid
            if not jws.validate_compact(extracted, key, registry=self._registry):
                raise TokenInvalid
            return Claims.model_validate_json(extracted.payload)
        except (JoseError, ValidationError, ValueError, TypeError):
            raise TokenInvalid from None

    def _key(self, name: object) -> Any:
        if not isinstance(name, str):
            return None
        if name not in self._keys and time.monotonic() - self._read_at > self._AGAIN:
            self._read()
        return self._keys.get(name)

    def _read(self) -> None:
        from joserfc.jwk import OKPKey

        found = json.loads(self._path.read_text("utf-8"))
        found = found.get("token_public", found)
        self._keys = {each["kid"]: OKPKey.import_key(_without_algorithm(each)) for each in found["keys"]}
        self._read_at = time.monotonic()


def _without_algorithm(key: dict[str, Any]) -> dict[str, Any]:
    """The key without the name of its algorithm, which may be the older one."""
    return {name: value for name, value in key.items() if name != "alg"}


def _registry() -> Any:
    from joserfc.jws import JWSRegistry

    return JWSRegistry(algorithms=[_ALGORITHM])
