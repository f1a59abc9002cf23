"""Every way in which pre-review, submissions and their outcome can change."""

from registry.enrolment.commands.deciding import apply_decisions, note_outcomes
from registry.enrolment.commands.explaining import explain
from registry.enrolment.commands.receipts import MOST, Receipt, Refused, Submitted
from registry.enrolment.commands.submitting import submit
from registry.enrolment.commands.withdrawing import Asked, ask_withdrawal

__all__ = [
    "MOST",
    "Asked",
    "Receipt",
    "Refused",
    "Submitted",
    "apply_decisions",
    "ask_withdrawal",
    "explain",
    "note_outcomes",
    "submit",
]
