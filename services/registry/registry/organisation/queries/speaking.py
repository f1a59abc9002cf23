"""What registry says of organisations."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import select

from chassis.transaction import Tx
from contracts.event import Event
from contracts.identity import AuthorityLink, OrganisationChanged
from contracts.values import OrganisationKind, Stage
from registry.organisation import domain
from registry.organisation.models import OrganisationRow
from registry.organisation.queries.schools import links, schoolings

Org = OrganisationRow


async def changed(tx: Tx, ids: Sequence[UUID]) -> Mapping[UUID, Event | None]:
    """What registry says of organisations now: the builder of registry.organisation.v1."""
    rows = await tx.rows(select(Org).where(Org.id.in_(list(ids))))
    linked = await links(tx, ids)
    dated = await schoolings(tx, ids)
    today = tx.now.date()
    return {
        row.id: OrganisationChanged(
            kind=OrganisationKind(row.kind),
            name=row.name,
            code=row.code,
            parent_id=row.parent_id,
            authorities=tuple(
                AuthorityLink(authority_id=link.authority_id, valid_from=link.valid_from, valid_until=link.valid_until)
                for link in linked.get(row.id, ())
            ),
            stages=tuple(Stage(each) for each in row.stages),
            schooling=domain.schooling_on(dated[row.id], today) if row.id in dated else None,
            valid_from=row.valid_from,
            valid_until=row.valid_until,
        )
        for row in rows
    }
