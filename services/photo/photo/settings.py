"""Settings of photo: `PHOTO_*`."""

from pydantic_settings import SettingsConfigDict

from chassis.settings import ServiceSettings


class PhotoSettings(ServiceSettings):
    """What photo needs beside what every service needs."""

    model_config = SettingsConfigDict(env_prefix="PHOTO_")

    children: int = 2
    """Processes that decode pictures."""
