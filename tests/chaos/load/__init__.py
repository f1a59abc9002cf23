"""People at work, each with a journal of what she asked and what she was told."""

from tests.chaos.load.settings import LoadSettings
from tests.chaos.load.working import Load

__all__ = ["Load", "LoadSettings"]
