"""Every way in which a pupil's record can change."""

from registry.student.commands.advancing import Held, advance, lock, note_photos, note_standings
from registry.student.commands.drafting import Drafted, Entry, Outcome, draft, rehearse
from registry.student.commands.numbering import issue_numbers

__all__ = [
    "Drafted",
    "Entry",
    "Held",
    "Outcome",
    "advance",
    "draft",
    "issue_numbers",
    "lock",
    "note_photos",
    "note_standings",
    "rehearse",
]
