"""How a resident is reached: fetched for one message, forgotten after it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from slrt_contracts.codes import NotificationChannel

_ADDRESS_FIELD: Mapping[NotificationChannel, str] = MappingProxyType(
    {NotificationChannel.EMAIL: "email", NotificationChannel.WHATSAPP: "phone"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """The resident's contact. Its values stay out of ``repr``, so that no log or traceback can show them."""

    ticket_number: str
    language: str
    phone: str | None = field(repr=False)
    email: str | None = field(repr=False)

    def address(self, channel: NotificationChannel) -> str | None:
        """Where the channel reaches the resident; None when the resident gave no such address."""
        address: str | None = getattr(self, _ADDRESS_FIELD[channel])
        return address or None
