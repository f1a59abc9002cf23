"""Settings of sync: `SYNC_*`."""

from pydantic_settings import SettingsConfigDict

from chassis.settings import ServiceSettings


class SyncSettings(ServiceSettings):
    """What every service needs is all that sync needs."""

    model_config = SettingsConfigDict(env_prefix="SYNC_")
