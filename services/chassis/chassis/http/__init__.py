"""HTTP: who may, what a refusal looks like, what every answer carries."""

from chassis.http.application import Application, application
from chassis.http.idempotency import IdempotencyKeyReused, idempotency_key, idempotent
from chassis.http.permission import allow, allow_anyone, current_actor
from chassis.http.preferring import NO_CONTENT, done, wants_minimal
from chassis.http.problems import Problem, answer
from chassis.http.resources import database, resource
from chassis.identity.actor import Actor

__all__ = [
    "NO_CONTENT",
    "Actor",
    "Application",
    "IdempotencyKeyReused",
    "Problem",
    "allow",
    "allow_anyone",
    "answer",
    "application",
    "current_actor",
    "database",
    "done",
    "idempotency_key",
    "idempotent",
    "resource",
    "wants_minimal",
]
