"""All SQL of the registry."""

from slrt_registry.store.registry import RegistryStore

__all__ = ["RegistryStore"]
