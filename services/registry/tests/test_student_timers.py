"""Evidence that no row names goes; what a row names stays."""

import os
from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis.clock import now
from chassis.ids import new_id
from chassis.objects import opened, shards
from chassis.sealing import Vault
from chassis.timing import Due
from chassis.transaction import Database
from registry.settings import RegistrySettings
from registry.student import commands
from registry.student.commands import Proof
from registry.student.files import Files
from registry.student.timers import sweep_evidence
from tests.harness.pupils import Pupils


async def test_only_old_evidence_that_no_row_names_is_swept(
    database: Database, settings: RegistrySettings, vault: Vault, tree: Any, a_class: Any, season: None
) -> None:
    files = Files(opened(settings.objects_url), vault)
    (student,) = await (await Pupils.of(database, tree, a_class)).draft()
    left, young = new_id(), new_id()
    noted = new_id()
    async with database.transaction(tree.registrar) as tx:
        await commands.add_evidence(tx, student, Proof(noted, "other", "证明.pdf", "application/pdf", 5, b"5" * 32))
    for each in (noted, left, young):
        await files.keep(each, b"%PDF-")
    turns = (now() + timedelta(hours=number) for number in range(48))
    for turn in turns:
        for each, hours in ((noted, 1.1), (left, 1.1), (young, 0.9)):
            path = settings.data / f"evidence/{each.hex[-2:]}/{each}"
            if path.exists():
                then = turn.timestamp() - hours * 3600
                os.utime(path, (then, then))
        await sweep_evidence(Due(database, turn, {Files: files}, settings))
    assert {each for each in (noted, left, young) if _stands(settings, each)} == {noted, young}
    assert young.hex[-2:] in {shard for number in range(24) for shard in shards(now() + timedelta(hours=number))}


def _stands(settings: RegistrySettings, evidence_id: UUID) -> bool:
    return (settings.data / f"evidence/{evidence_id.hex[-2:]}/{evidence_id}").exists()
