"""What every event has in common."""

from pydantic import BaseModel, ConfigDict


class Words(BaseModel):
    """A value that travels: frozen, and strict for its writer.

    Writers forbid fields that they do not know; a reader validates with `extra="ignore"`, so that contracts can grow.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


class Event(Words):
    """Something that has happened, named in the past tense.

    The envelope (subject, epoch, version, time, actor, cause) travels in CloudEvents headers, not in the body.
    """
