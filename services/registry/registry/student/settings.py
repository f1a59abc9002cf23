"""The province's switches for pupils' records: `REGISTRY_*`."""

from enum import StrEnum
from functools import cache

from pydantic_settings import SettingsConfigDict

from chassis.settings import Settings
from registry.student.domain import AgeRule


class FirstNumber(StrEnum):
    """Which 学籍号 a pupil with a valid citizen ID gets before the nation has answered."""

    FORMAL = "G"
    TEMPORARY = "L"


class StudentSettings(Settings):
    """Numbers that are policy, not law; each is a named default."""

    model_config = SettingsConfigDict(env_prefix="REGISTRY_", extra="ignore")

    entry_age: int = 6
    age_cutoff_month: int = 8
    age_cutoff_day: int = 31
    age_enforced: bool = True
    """False: a child below the age is a warning that asks for a reason."""
    first_number: FirstNumber = FirstNumber.FORMAL
    photo_required: bool = True
    """False: a missing photo is a warning at submission."""
    evidence_megabytes: int = 10
    evidence_per_student: int = 20

    @property
    def age_rule(self) -> AgeRule:
        """The rule of entry age."""
        return AgeRule(self.entry_age, self.age_cutoff_month, self.age_cutoff_day, self.age_enforced)


@cache
def student_settings() -> StudentSettings:
    """The switches of this process, read once. Raises SettingsRefused."""
    return StudentSettings.read()
