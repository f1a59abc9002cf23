"""What registry can be told from outside, as REGISTRY_* variables."""

from pydantic_settings import SettingsConfigDict

from chassis.settings import ServiceSettings


class RegistrySettings(ServiceSettings):
    """Settings of registry."""

    model_config = SettingsConfigDict(env_prefix="REGISTRY_")

    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    """Whose X-Forwarded-For is believed when failed sign-ins are counted by address: the portal's."""
