"""The registry's consumers and the code's handlers are the same table."""

import importlib
import pkgutil
from types import ModuleType

import pytest

from slrt_contracts.topics import TOPICS
from slrt_kit.messaging.handlers import Handlers

SERVICES = ("intake", "referral", "registry", "notification")


def handled_in_code(service: str) -> dict[str, set[str]]:
    """Consumer name → event types, from the module-level tables of a service's consumers."""
    module = importlib.import_module(f"slrt_{service}.consumers")
    names = [module.__name__, *(f"{module.__name__}.{part.name}" for part in pkgutil.iter_modules(_path_of(module)))]
    return {
        f"{service}.{name}": set(table.entries)
        for module_name in names
        for name, table in vars(importlib.import_module(module_name)).items()
        if isinstance(table, Handlers)
    }


def _path_of(module: ModuleType) -> list[str]:
    return list(getattr(module, "__path__", []))


def declared(service: str) -> dict[str, set[str]]:
    """The same from the topic registry."""
    found: dict[str, set[str]] = {}
    for topic in TOPICS.values():
        for consumer in topic.consumers:
            if consumer.service == service:
                # `notification.connector.email` and its like are one table with a parameter.
                name = ".".join(consumer.name.split(".")[:2])
                found.setdefault(name, set()).update(consumer.types)
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_every_handler_is_declared_in_the_registry_and_every_declared_consumer_exists(service: str) -> None:
    assert handled_in_code(service) == declared(service)
