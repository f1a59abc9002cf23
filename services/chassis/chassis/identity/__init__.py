"""Who acts: a signed token of 60 seconds, verified offline by every service."""

from chassis.identity.actor import Actor
from chassis.identity.tokens import TOKEN_LIFE, TokenExpired, TokenInvalid, TokenIssuer, TokenVerifier

__all__ = ["TOKEN_LIFE", "Actor", "TokenExpired", "TokenInvalid", "TokenIssuer", "TokenVerifier"]
