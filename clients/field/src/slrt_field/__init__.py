"""Field work without a network: keep what was done, hand it in exactly once, take along what is needed."""

from slrt_field.client import FieldClient, SyncReport
from slrt_field.errors import (
    FieldError,
    NotSignedInError,
    RefusedError,
    UnreachableError,
    WipedError,
    WrongKeyError,
)
from slrt_field.ids import uuid7
from slrt_field.store import FieldStore, Item

__all__ = [
    "FieldClient",
    "FieldError",
    "FieldStore",
    "Item",
    "NotSignedInError",
    "RefusedError",
    "SyncReport",
    "UnreachableError",
    "WipedError",
    "WrongKeyError",
    "uuid7",
]
