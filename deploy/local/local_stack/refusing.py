"""The one sentence with which the stack says that it cannot start."""


class CannotStartError(Exception):
    """Say in one sentence what is in the way and what to do next.

    Shown to the person at the keyboard as it stands; never with a traceback.
    """
