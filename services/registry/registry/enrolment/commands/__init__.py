"""Every way in which pre-review, submissions and their outcome can change."""

from registry.enrolment.commands.deciding import apply_decisions, note_outcomes
from registry.enrolment.commands.explaining import explain
from registry.enrolment.commands.reading import read
from registry.enrolment.commands.receipts import MOST, Receipt, Refused, Submitted
from registry.enrolment.commands.submitting import Swept, submit, sweep
from registry.enrolment.commands.withdrawing import Asked, ask_withdrawal

__all__ = [
    "MOST",
    "Asked",
    "Receipt",
    "Refused",
    "Submitted",
    "Swept",
    "apply_decisions",
    "ask_withdrawal",
    "explain",
    "note_outcomes",
    "read",
    "submit",
    "sweep",
]
