"""Every way in which a pupil's record can change."""

from registry.student.commands.advancing import Held, advance, lock, note_photos, note_standings
from registry.student.commands.drafting import draft, rehearse
from registry.student.commands.editing import Placed, edit, place, remove, taken
from registry.student.commands.entries import Drafted, Entry, Outcome, Prepared, SheetMemory, prepare
from registry.student.commands.keys import Identity, document_index, name_index, number_index, person_index
from registry.student.commands.numbering import issue_numbers
from registry.student.commands.proving import Proof, add_evidence, remove_evidence
from registry.student.commands.settling import settle
from registry.student.commands.undoing import take_back

__all__ = [
    "Drafted",
    "Entry",
    "Held",
    "Identity",
    "Outcome",
    "Placed",
    "Prepared",
    "Proof",
    "SheetMemory",
    "add_evidence",
    "advance",
    "document_index",
    "draft",
    "edit",
    "issue_numbers",
    "lock",
    "name_index",
    "note_photos",
    "note_standings",
    "number_index",
    "person_index",
    "place",
    "prepare",
    "rehearse",
    "remove",
    "remove_evidence",
    "settle",
    "take_back",
    "taken",
]
