"""Alembic runs this file; see `chassis.migrating`."""

from alembic import context

from chassis.migrating import run_environment

run_environment(context)
