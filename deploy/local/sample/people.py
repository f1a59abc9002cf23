"""Synthetic pupils with their families, from a seed: the same seed makes the same people."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from contracts.values import check_digit
from sample import words

PUPIL_REGION, GUARDIAN_REGION = "3599", "3598"
"""First four digits of the citizen IDs: counties of these cities were never assigned, so no living person has one."""


@dataclass(slots=True)
class Member:
    """A family member."""

    name: str
    relation: str
    """In words, as clerks write it."""
    document: str
    phone: str
    workplace: str


@dataclass(slots=True)
class Pupil:
    """A child who enters the first grade."""

    name: str
    sex: str
    """Code of 性别."""
    born: date
    document: str | None
    """Citizen ID; None for a child who has no document and is known by the guardian's number."""
    ethnicity: str
    village: str
    home: str
    region: str
    """Six digits of birthplace and residence."""
    migrant: bool
    left_behind: str
    family: list[Member] = field(default_factory=list)


class People:
    """Makes pupils one after the other; no number comes twice."""

    def __init__(self, seed: int, school_year: int) -> None:
        """`school_year` is the year of entry: the children are six by the end of its August."""
        self.random = random.Random(seed)
        self._year = school_year
        self._regions = (f"{PUPIL_REGION}{seed % 100:02}", f"{GUARDIAN_REGION}{seed % 100:02}")
        self._given: set[str] = set()

    def pupils(self) -> Iterator[Pupil]:
        """Children without end: mostly ordinary, now and then a rare name, twins, or a child without a document."""
        number = 0
        while True:
            number += 1
            if number % 30 == 7:
                yield from self.twins(with_documents=number % 60 == 7)
            elif number % 45 == 11:
                yield self.pupil(without_document=True)
            elif number % 28 == 13:
                yield self.rare(number // 28)
            elif number % 50 == 23:
                yield self.dotted(number // 50)
            elif number % 40 == 17:
                yield self.of_one_parent()
            else:
                yield self.pupil()

    def pupil(self, *, without_document: bool = False) -> Pupil:
        """One ordinary child."""
        chance = self.random
        sex = chance.choice("12")
        surname = chance.choice(words.SURNAMES)
        name = surname + chance.choice(words.BOYS if sex == "1" else words.GIRLS)
        minority = chance.random() < 0.05
        return self._child(
            name, sex, chance.choice(words.MINORITIES) if minority else "01", surname, without_document=without_document
        )

    def rare(self, which: int) -> Pupil:
        """A child whose name has a character that old tables lack."""
        surname, given = words.RARE_NAMES[which % len(words.RARE_NAMES)]
        return self._child(surname + given, self.random.choice("12"), "01", surname)

    def of_one_parent(self) -> Pupil:
        """A child with one family member only, for which the form asks why."""
        child = self.pupil()
        del child.family[1:]
        return child

    def dotted(self, which: int) -> Pupil:
        """A child whose name has a `·`."""
        name, ethnicity, sex = words.DOTTED_NAMES[which % len(words.DOTTED_NAMES)]
        return self._child(name, sex, ethnicity, self.random.choice(words.SURNAMES))

    def twins(self, *, with_documents: bool = True) -> tuple[Pupil, Pupil]:
        """Two children of one family and one birthday; without documents both are known by one guardian's number."""
        one = self.pupil(without_document=not with_documents)
        given = [g for g in (words.BOYS if one.sex == "1" else words.GIRLS) if not one.name.endswith(g)]
        surname = next(s for s in sorted(words.SURNAMES, key=len, reverse=True) if one.name.startswith(s))
        other = Pupil(
            name=surname + self.random.choice(given),
            sex=one.sex,
            born=one.born,
            document=self._citizen_id(self._regions[0], one.born, one.sex) if with_documents else None,
            ethnicity=one.ethnicity,
            village=one.village,
            home=one.home,
            region=one.region,
            migrant=one.migrant,
            left_behind=one.left_behind,
            family=one.family,
        )
        return one, other

    def _child(self, name: str, sex: str, ethnicity: str, surname: str, *, without_document: bool = False) -> Pupil:
        chance = self.random
        born = date(self._year - 7, 9, 1) + timedelta(days=chance.randrange(364))
        village = chance.choice(words.VILLAGES)
        far = chance.random() < 0.08
        region = chance.choice(words.NEIGHBOURS) if far else words.COUNTY
        return Pupil(
            name=name,
            sex=sex,
            born=born,
            document=None if without_document else self._citizen_id(self._regions[0], born, sex),
            ethnicity=ethnicity,
            village=village,
            home=f"{words.COUNTY_NAME}青禾镇{village}村{chance.choice(words.STREETS)}{chance.randrange(1, 300)}号",
            region=region,
            migrant=far and chance.random() < 0.5,
            left_behind=chance.choices("012", (80, 14, 6))[0],
            family=self._family(surname),
        )

    def _family(self, surname: str) -> list[Member]:
        chance = self.random
        mother = chance.choice(words.SURNAMES)
        father = (surname, chance.choice(("父亲", "父", "爸爸")), "1")
        members = [father, (mother, chance.choice(("母亲", "母", "妈妈")), "2")]
        if chance.random() < 0.12:
            members[1] = (mother, chance.choice(("奶奶", "外婆", "祖母")), "2")
        return [self._member(*member) for member in members]

    def _member(self, surname: str, relation: str, sex: str) -> Member:
        chance = self.random
        born = date(self._year - chance.randrange(28, 45), chance.randrange(1, 13), chance.randrange(1, 29))
        return Member(
            name=surname + chance.choice(words.GROWN),
            relation=relation,
            document=self._citizen_id(self._regions[1], born, sex),
            # No operator has numbers that begin with 100.
            phone=f"100{chance.randrange(10**8):08}",
            workplace=chance.choice(words.WORKPLACES),
        )

    def _citizen_id(self, region: str, born: date, sex: str) -> str:
        """A number with a valid check digit that this generator has not given yet."""
        while True:
            sequence = self.random.randrange(500) * 2 + (sex == "1")
            body = f"{region}{born:%Y%m%d}{sequence:03}"
            if body not in self._given:
                self._given.add(body)
                return body + check_digit(body)
