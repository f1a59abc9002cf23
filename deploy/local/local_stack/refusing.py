"""The one sentence with which the stack says that it cannot start."""

NO_ROSTER = "Photos or a school are named, but no roster: add ROSTER= (--roster) with its file."
"""Said before anything starts, and by `sample journey` when it is asked by itself."""


class CannotStartError(Exception):
    """Say in one sentence what is in the way and what to do next.

    Shown to the person at the keyboard as it stands; never with a traceback.
    """
