"""Hearing: the only place that receives. Services declare what they hear; the rest is done here."""

from typing import TYPE_CHECKING, Any

from chassis.consuming.declaring import Hearing, Received, Subscribers

if TYPE_CHECKING:
    from chassis.consuming.listening import Listeners

__all__ = ["Hearing", "Listeners", "Received", "Subscribers"]


def __getattr__(name: str) -> Any:
    """FastStream takes a third of a second to import: only a worker waits for it."""
    if name == "Listeners":
        from chassis.consuming.listening import Listeners

        return Listeners
    raise AttributeError(name)
