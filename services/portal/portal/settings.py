"""What the portal can be told: `PORTAL_REGISTRY`, `PORTAL_ORIGIN`, …"""

from datetime import timedelta
from typing import Final

from pydantic_settings import SettingsConfigDict

from chassis.settings import MEBIBYTE, ProcessSettings

LARGEST_SHEET: Final = 51 * MEBIBYTE
LARGEST_PHOTO: Final = 11 * MEBIBYTE
LARGEST_EVIDENCE: Final = 11 * MEBIBYTE
LARGEST_ARCHIVE: Final = 201 * MEBIBYTE
"""Bytes of an upload's request, a little above what the services take, so that it is they who refuse, in words."""


class PortalSettings(ProcessSettings):
    """Where the services are, and how browsers reach the portal."""

    model_config = SettingsConfigDict(env_prefix="PORTAL_")

    registry: str
    """Base URL of 学籍."""
    review: str
    """Base URL of 审核."""
    photo: str
    """Base URL of 照片."""
    sync: str
    """Base URL of 国家对接."""
    origin: str | None = None
    """How browsers name the portal, `https://xueji.example.cn`. Not set, the Host header of each request counts, and
    the cookie is the plain one of a laptop."""
    trusted_proxies: frozenset[str] = frozenset()
    """Addresses whose X-Forwarded-For is believed."""
    answer_within: timedelta = timedelta(seconds=10)
    """A service that takes longer is away."""
    token_kept: timedelta = timedelta(seconds=30)
    """A signed token (60 s) is used for so long before the session is asked for another."""

    @property
    def secure(self) -> bool:
        """Whether browsers come by https."""
        return bool(self.origin and self.origin.startswith("https://"))

    @property
    def cookie(self) -> str:
        """The name of the session's cookie; a browser takes `__Host-` only by https, for this host and path / alone."""
        return "__Host-session" if self.secure else "session"
