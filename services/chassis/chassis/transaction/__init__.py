"""One transaction: what a command changes, says and notes becomes true at its end, all of it or nothing."""

from chassis.transaction.database import Database
from chassis.transaction.tx import Builder, Tx

__all__ = ["Builder", "Database", "Tx"]
