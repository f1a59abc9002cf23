"""Lists that two services hold by themselves, for services are strangers: they say the same."""

from portal.words import EVIDENCE_NAMES
from registry.student.api.proving import KINDS


def test_the_portal_offers_the_kinds_of_evidence_that_registry_takes_in_the_same_words() -> None:
    assert list(EVIDENCE_NAMES.items()) == list(KINDS.items())
