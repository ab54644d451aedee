"""Bring a service's database to its newest schema; loaded by who does it alone, since Alembic is heavy."""

import asyncio
from importlib import resources

from alembic import command, context
from alembic.config import Config
from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from slrt_kit.privacy.migrating import MigrationVault

_LOCK_KEY = "slrt-migrate"


def _driver_url(url: str) -> URL:
    """The given ``postgresql://`` address with the psycopg driver named."""
    return make_url(url).set(drivername="postgresql+psycopg")


def _config(package: str, url: str, vault: MigrationVault | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files(package) / "migrations"))
    config.attributes |= {"url": url, "vault": vault}
    return config


def upgrade(package: str, url: str, *, vault: MigrationVault | None = None) -> None:
    """Upgrade to the head. Several processes may call it at once: an advisory lock lets one work.

    ``package`` is the service's package, whose ``migrations`` folder holds the Alembic scripts. ``vault`` is for those
    that seal rows; without people in the database they do without.
    """
    engine = create_engine(_driver_url(url), poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(hashtext(:key))"), {"key": _LOCK_KEY})
        connection.commit()
        try:
            command.upgrade(_config(package, url, vault), "head")
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(hashtext(:key))"), {"key": _LOCK_KEY})
    engine.dispose()


async def upgrade_async(package: str, url: str) -> None:
    """`upgrade` from a coroutine."""
    await asyncio.to_thread(upgrade, package, url)


def run_environment() -> None:
    """The body of every service's ``migrations/env.py``."""
    engine = create_engine(_driver_url(context.config.attributes["url"]), poolclass=NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()
