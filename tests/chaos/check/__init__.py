"""The oracle: one program that says whether the delivery promise held, on any running stack.

`python -m tests.chaos.check STACK_JSON [--journals FOLDER] [--instant]`
"""

from tests.chaos.check.quiescence import on_its_way, quiesce
from tests.chaos.check.reporting import Report, Violation, judged, verify
from tests.chaos.check.world import World, heads_of, look

__all__ = ["Report", "Violation", "World", "heads_of", "judged", "look", "on_its_way", "quiesce", "verify"]
