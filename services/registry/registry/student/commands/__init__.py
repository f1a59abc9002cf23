"""Every way in which a pupil's record can change."""

from registry.student.commands.advancing import Held, advance, lock, note_photos, note_standings
from registry.student.commands.drafting import draft, rehearse
from registry.student.commands.entries import Drafted, Entry, Outcome, SheetMemory
from registry.student.commands.numbering import issue_numbers

__all__ = [
    "Drafted",
    "Entry",
    "Held",
    "Outcome",
    "SheetMemory",
    "advance",
    "draft",
    "issue_numbers",
    "lock",
    "note_photos",
    "note_standings",
    "rehearse",
]
