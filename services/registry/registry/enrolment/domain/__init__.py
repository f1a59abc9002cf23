"""Rules of pre-review, submission and decisions. Values in, values out."""

from registry.enrolment.domain.comparing import Difference, differences, paths
from registry.enrolment.domain.effects import CONFLICT, EFFECTS, STATE_NAMES, Effect, Ending, State, Submission, effect
from registry.enrolment.domain.freezing import (
    SALT_BYTES,
    Frozen,
    FrozenEvidence,
    FrozenWarning,
    content_hash,
    packed,
    unpacked,
)
from registry.enrolment.domain.verdicts import (
    Colour,
    Explained,
    Photo,
    Verdict,
    of_closed_class,
    of_photo,
    verdict,
)

__all__ = [
    "CONFLICT",
    "EFFECTS",
    "SALT_BYTES",
    "STATE_NAMES",
    "Colour",
    "Difference",
    "Effect",
    "Ending",
    "Explained",
    "Frozen",
    "FrozenEvidence",
    "FrozenWarning",
    "Photo",
    "State",
    "Submission",
    "Verdict",
    "content_hash",
    "differences",
    "effect",
    "of_closed_class",
    "of_photo",
    "packed",
    "paths",
    "unpacked",
    "verdict",
]
