"""Compose the registry: the only place that knows all its parts."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from slrt_kit.db import UnitOfWork
from slrt_kit.messaging.consumer import EventConsumer
from slrt_kit.outbox import Outbox
from slrt_kit.privacy import Vault
from slrt_kit.regions import packaged_regions
from slrt_kit.runtime import Runtime
from slrt_registry import consumers
from slrt_registry.adapters.intake import IntakeClaims
from slrt_registry.consumers import ConsumerParts
from slrt_registry.ports import Registry
from slrt_registry.settings import RegistrySettings
from slrt_registry.store import RegistryStore

if TYPE_CHECKING:
    from fastapi import FastAPI

PACKAGE = "slrt_registry"


def build_runtime() -> Runtime:
    """The parts of a registry process, from the environment."""
    return Runtime("registry", PACKAGE, RegistrySettings.load())


def registry_on(outbox: Outbox, vault: Vault) -> Callable[[UnitOfWork], Registry]:
    """What opens the registry on a unit of work."""
    return lambda work: RegistryStore(work, outbox, vault)


def build_app(runtime: Runtime) -> "FastAPI":
    """The HTTP application; imported here, because roles without an API do without FastAPI."""
    from slrt_registry.api import cases, disposals, families, persons, privacy  # noqa: PLC0415
    from slrt_registry.api.parts import RegistryParts  # noqa: PLC0415

    app = runtime.app(
        title="SLRT registry",
        description="Who they are: persons and families, what they need of programmes and what they take part in.",
        routers=[persons.router, privacy.router, disposals.router, families.router, cases.router],
        consumers={"cases": consumers.cases, "outcomes": consumers.outcomes, "erasures": consumers.erasures},
    )
    app.state.parts = RegistryParts(runtime.database, registry_on(runtime.outbox, runtime.vault), packaged_regions())
    return app


def build_consumers(runtime: Runtime) -> Sequence[EventConsumer]:
    """The consumer groups of the registry."""
    settings = runtime.settings
    if not isinstance(settings, RegistrySettings):
        raise TypeError("the runtime was not made by build_runtime")
    claims = IntakeClaims(runtime.client_of(settings.intake_url))
    parts = ConsumerParts(runtime.database, claims, registry_on(runtime.outbox, runtime.vault))
    return [
        runtime.consumer("cases", consumers.cases, parts),
        runtime.consumer("outcomes", consumers.outcomes, parts),
        runtime.consumer("erasures", consumers.erasures, parts),
    ]
