"""学籍: accounts, organisations, classes, calendar, pupils, imports, submissions."""

from portal.clients.calling import Caller
from portal.clients.registry.calendar import Calendar
from portal.clients.registry.classes import Classes
from portal.clients.registry.enrolment import Enrolment
from portal.clients.registry.imports import Imports
from portal.clients.registry.organisations import Organisations
from portal.clients.registry.sessions import Accounts
from portal.clients.registry.students import Students


class Registry:
    """All areas of 学籍, asked by one person."""

    def __init__(self, caller: Caller) -> None:
        self.accounts = Accounts(caller)
        self.organisations = Organisations(caller)
        self.calendar = Calendar(caller)
        self.classes = Classes(caller)
        self.imports = Imports(caller)
        self.students = Students(caller)
        self.enrolment = Enrolment(caller)
        self._caller = caller

    async def desk(self) -> dict[str, int]:
        """Counts for the work desk."""
        return await self._caller.get(dict[str, int], "/v1/desk")
