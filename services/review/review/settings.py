"""What review can be told from outside, as REVIEW_* variables."""

from pydantic_settings import SettingsConfigDict

from chassis.settings import ServiceSettings


class ReviewSettings(ServiceSettings):
    """Settings of review: what every service needs, and nothing else."""

    model_config = SettingsConfigDict(env_prefix="REVIEW_")
