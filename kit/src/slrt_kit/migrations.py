"""Bring a service's database to its newest schema, and tell whether it is there."""

import asyncio
from functools import cache
from importlib import resources

from alembic import command, context
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from slrt_kit.db import ReadSession

_LOCK_KEY = "slrt-migrate"


def _driver_url(url: str) -> URL:
    """The given ``postgresql://`` address with the psycopg driver named."""
    return make_url(url).set(drivername="postgresql+psycopg")


def _config(package: str, url: str | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files(package) / "migrations"))
    if url is not None:
        config.attributes["url"] = url
    return config


def upgrade(package: str, url: str) -> None:
    """Upgrade to the head. Several processes may call it at once: an advisory lock lets one work.

    ``package`` is the service's package, whose ``migrations`` folder holds the Alembic scripts.
    """
    engine = create_engine(_driver_url(url), poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(hashtext(:key))"), {"key": _LOCK_KEY})
        connection.commit()
        try:
            command.upgrade(_config(package, url), "head")
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(hashtext(:key))"), {"key": _LOCK_KEY})
    engine.dispose()


async def upgrade_async(package: str, url: str) -> None:
    """`upgrade` from a coroutine."""
    await asyncio.to_thread(upgrade, package, url)


@cache
def head(package: str) -> str:
    """The newest revision that the code knows."""
    revision = ScriptDirectory.from_config(_config(package)).get_current_head()
    if revision is None:
        raise RuntimeError(f"{package} has no migrations")
    return revision


async def at_head(session: ReadSession, package: str) -> bool:
    """Whether the database's schema is the one that the code expects."""
    found = await session.value("SELECT version_num FROM alembic_version")
    return bool(found == head(package))


def run_environment() -> None:
    """The body of every service's ``migrations/env.py``."""
    engine = create_engine(_driver_url(context.config.attributes["url"]), poolclass=NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()
