"""What every table of registry has in common."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Boolean, Date, DateTime, Integer, LargeBinary, MetaData, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """Tables as classes named …Row; rows come out through SQLAlchemy Core, never through a session."""

    metadata = MetaData()
    type_annotation_map = {  # noqa: RUF012 - the form SQLAlchemy asks for
        UUID: Uuid,
        datetime: DateTime(timezone=True),
        date: Date,
        str: Text,
        bytes: LargeBinary,
        int: Integer,
        bool: Boolean,
        list[str]: ARRAY(Text),
        list[UUID]: ARRAY(Uuid),
    }
