"""Review over HTTP."""

from review.api.cases import router as cases
from review.api.counts import router as counts
from review.api.deciding import router as deciding

ROUTERS = (cases, deciding, counts)

__all__ = ["ROUTERS"]
