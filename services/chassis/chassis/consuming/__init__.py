"""Hearing: the only place that receives. Services declare what they hear; the rest is done here."""

from chassis.consuming.declaring import Hearing, Received, Subscribers

__all__ = ["Hearing", "Received", "Subscribers"]
