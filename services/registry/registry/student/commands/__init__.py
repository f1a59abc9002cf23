"""Every way in which a pupil's record can change."""

from registry.student.commands.advancing import Held, advance, lock, note_photos, note_standings
from registry.student.commands.drafting import draft, rehearse
from registry.student.commands.editing import Placed, edit, place, remove, taken
from registry.student.commands.entries import Drafted, Entry, Outcome, SheetMemory
from registry.student.commands.numbering import issue_numbers
from registry.student.commands.undoing import take_back

__all__ = [
    "Drafted",
    "Entry",
    "Held",
    "Outcome",
    "Placed",
    "SheetMemory",
    "advance",
    "draft",
    "edit",
    "issue_numbers",
    "lock",
    "note_photos",
    "note_standings",
    "place",
    "rehearse",
    "remove",
    "take_back",
    "taken",
]
