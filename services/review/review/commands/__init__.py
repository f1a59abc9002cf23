"""Every way in which a case can change."""

from review.commands.deciding import Receipt, approve, reject, send_back, withdraw
from review.commands.handling import claim, release_expired, reroute
from review.commands.opening import complete_routes, follow_calendars, open_cases, route_waiting
from review.commands.overdue import escalate

__all__ = [
    "Receipt",
    "approve",
    "claim",
    "complete_routes",
    "escalate",
    "follow_calendars",
    "open_cases",
    "reject",
    "release_expired",
    "reroute",
    "route_waiting",
    "send_back",
    "withdraw",
]
