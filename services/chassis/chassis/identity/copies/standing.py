"""A token is good for 60 seconds; a newer state of its account ends it at once."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from chassis.identity.actor import Actor
from chassis.identity.copies.tables import ACCOUNTS
from chassis.identity.tokens import TokenExpired

if TYPE_CHECKING:
    from chassis.transaction import Database


def stands(database: "Database") -> Callable[[Actor], Awaitable[None]]:
    """Asks of every actor whether what is known of her account contradicts her token.

    An account that has not arrived contradicts nothing: the token was signed.
    """
    asked = select(ACCOUNTS.c.may_act, ACCOUNTS.c.version).where(ACCOUNTS.c.id == bindparam("account"))

    async def ask(actor: Actor) -> None:
        """Raises TokenExpired."""
        known = await database.glance(asked, {"account": actor.account_id})
        if known is not None and (not known.may_act or known.version > actor.version):
            raise TokenExpired

    return ask
