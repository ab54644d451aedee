"""What the tests of all services share: a clock that stands still, an issuer of tokens, events, faults, waits."""

from slrt_kit.testing.clock import FixedClock
from slrt_kit.testing.events import case_registered, raw_event
from slrt_kit.testing.http import PlayedHttp
from slrt_kit.testing.issuer import TestIssuer
from slrt_kit.testing.kafka import Message, read_topic, send_raw
from slrt_kit.testing.model_broker import ModelBroker
from slrt_kit.testing.proxy import FaultProxy
from slrt_kit.testing.service import (
    api_client,
    environment_of,
    keys_of,
    keys_url_of,
    packaged_book,
    packaged_deadlines,
    vault_of,
)
from slrt_kit.testing.waiting import eventually, running

__all__ = [
    "FaultProxy",
    "FixedClock",
    "Message",
    "ModelBroker",
    "PlayedHttp",
    "TestIssuer",
    "api_client",
    "case_registered",
    "environment_of",
    "eventually",
    "keys_of",
    "keys_url_of",
    "packaged_book",
    "packaged_deadlines",
    "raw_event",
    "read_topic",
    "running",
    "send_raw",
    "vault_of",
]
