"""Tell whether a service's database has the schema that the code expects."""

import re
from functools import cache
from importlib import resources

from slrt_kit.db import ReadSession

_SCRIPT = re.compile(r"(\d{4})_\w+\.py")


@cache
def head(package: str) -> str:
    """The newest revision that the code knows: migrations are numbered, and their files begin with the number.

    Alembic would tell too; loading it would cost every process a quarter of its start, and a tenth of its memory.

    Raises:
        RuntimeError: the package has no migrations.
    """
    scripts = (resources.files(package) / "migrations" / "versions").iterdir()
    numbers = [found[1] for script in scripts if (found := _SCRIPT.fullmatch(script.name))]
    if not numbers:
        raise RuntimeError(f"{package} has no migrations")
    return max(numbers)


async def at_head(session: ReadSession, package: str) -> bool:
    """Whether the database's schema is the one that the code expects."""
    found = await session.value("SELECT version_num FROM alembic_version")
    return bool(found == head(package))
