"""The first organisation and the first account: from then on the province founds everything over HTTP."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from chassis.sealing import Vault
from chassis.transaction import Builder, Database
from contracts.codes import PROVINCE_CODE, region_name
from contracts.topics import Topic
from contracts.values import OrganisationKind, Role
from registry.account import commands as accounts
from registry.account import queries as account_queries
from registry.account.passwords import Passwords
from registry.calendar import commands as calendar
from registry.organisation import commands as organisations
from registry.settings import RegistrySettings

LOGIN = "province"


async def found_province(database: Database, vault: Vault, path: Path, login: str = LOGIN) -> bool:
    """Whether the province was founded now: its organisation, its calendar, and one administrator.

    Her login and first password are written to `path`, readable by its owner alone, before anything is stored; a run
    that was killed in between is completed by the next. Where accounts exist nothing changes.
    """
    written = path.with_name(path.name + ".part")
    async with database.transaction() as tx:
        exists = await account_queries.any_account(tx)
    if exists:
        if written.exists():
            written.replace(path)
        return False
    initial = Passwords.initial()
    hashed = await Passwords().hash(initial)
    _write(written, {"login": login, "initial_password": initial})
    async with database.transaction() as tx:
        province = await organisations.create(
            tx,
            organisations.NewOrganisation(
                kind=OrganisationKind.PROVINCE,
                name=f"{region_name(PROVINCE_CODE)}教育厅",
                code=PROVINCE_CODE.ljust(12, "0"),
                parent_id=None,
                region_code=PROVINCE_CODE,
            ),
        )
        await calendar.found(tx, province)
        await accounts.create(
            tx,
            vault,
            login=login,
            organisation_id=province,
            roles=(Role.PROVINCE_ADMIN,),
            password_hash=hashed,
            display_name="省级管理员",
        )
    written.replace(path)
    return True


def _write(path: Path, content: Mapping[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", "utf-8")


def register(commands: typer.Typer, builders: Mapping[Topic, Builder]) -> None:
    """Add `found-province` to the service's commands."""

    @commands.command("found-province")
    def found(
        accounts: Annotated[Path, typer.Option(help="File for the first login and password.")],
        login: Annotated[str, typer.Option(help="Login of the first administrator.")] = LOGIN,
    ) -> None:
        """Found the province and its first account; where accounts exist, do nothing."""
        settings = RegistrySettings.read()

        async def act() -> bool:
            database = Database(settings, builders=builders)
            try:
                return await found_province(database, Vault.read(settings.keys), accounts, login)
            finally:
                await database.close()

        founded = asyncio.run(act())
        typer.echo(f"founded; first password in {accounts}" if founded else "accounts exist; nothing to do")
