"""Every way in which a pupil's record can change."""

from registry.student.commands.drafting import Drafted, Entry, Outcome, draft, rehearse

__all__ = ["Drafted", "Entry", "Outcome", "draft", "rehearse"]
