"""Time as the house tells it: aware, in Asia/Shanghai."""

from datetime import datetime
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """The present moment. Inside a transaction `tx.now` is asked instead: the database's clock is the only one."""
    return datetime.now(ZONE)
