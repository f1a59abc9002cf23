"""Tables of imports. What stands in a sheet is sealed; what was said about it names no person."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables import Base


class ImportRow(Base):
    """An uploaded file and how far it is."""

    __tablename__ = "import"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    school_id: Mapped[UUID]
    mode: Mapped[str]
    state: Mapped[str]
    sha256: Mapped[bytes]
    size: Mapped[int]
    name_sealed: Mapped[bytes]
    """The file's name, as the clerk knows it."""
    uploaded_by: Mapped[UUID]
    person_id: Mapped[UUID]
    organisation_id: Mapped[UUID]
    roles: Mapped[list[str]]
    uploaded_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    lease: Mapped[UUID | None]
    leased_until: Mapped[datetime | None]
    attempts: Mapped[int]
    rows: Mapped[int | None]
    """None until the file is read to its end."""
    chunks: Mapped[int | None]
    next_chunk: Mapped[int]
    created: Mapped[int]
    updated: Mapped[int]
    unchanged: Mapped[int]
    duplicate: Mapped[int]
    refused: Mapped[int]
    undone: Mapped[int]
    refusal_code: Mapped[str | None]
    refusal_text: Mapped[str | None]
    unknown_columns: Mapped[list[str]]
    """Headers that say nothing to us, shortened."""

    __table_args__ = (
        Index(
            "import_open_file",
            "school_id",
            "sha256",
            unique=True,
            postgresql_where=text("state IN ('waiting', 'reading', 'checking', 'checked', 'running')"),
        ),
        Index("import_school", "school_id", "uploaded_at"),
        Index("import_state", "state"),
    )


class ImportChunkRow(Base):
    """A thousand rows of a sheet, from reading until the import ends."""

    __tablename__ = "import_chunk"

    import_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    rows: Mapped[int]
    rows_sealed: Mapped[bytes]
    identities: Mapped[bytes | None]
    """Of a chunk that was drafted: per child 4 bytes of row number and 16 of a keyed hash, so that a later row of the
    same child is seen after a restart, too."""


class ImportOutcomeRow(Base):
    """What became of one row of a sheet."""

    __tablename__ = "import_row"

    import_id: Mapped[UUID] = mapped_column(primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True)
    outcome: Mapped[str]
    student_id: Mapped[UUID | None]
    previous_version: Mapped[int | None]
    """Of a draft that was updated: the version an undo goes back to."""
    undone: Mapped[bool]
    """An undo went through this row."""
    code: Mapped[str | None]
    """Code of the first problem."""
    problems: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """[{code, field, text}]"""
    cells_sealed: Mapped[bytes | None]
    """The row as it was, only where it failed: for the workbook of failed rows."""

    __table_args__ = (Index("import_row_outcome", "import_id", "outcome"),)
