"""From the outbox to the topics: one leader per service, in order, at least once."""

from chassis.relay.relaying import Relay

__all__ = ["Relay"]
