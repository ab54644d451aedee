"""Send a message through the HTTP provider of WhatsApp messages."""

import orjson
from opentelemetry import propagate

from slrt_kit.http.outgoing import HttpClient, UnreachableError
from slrt_kit.messaging.errors import RejectedError, TransientError
from slrt_notification.domain.messages import Message
from slrt_notification.domain.notification import Notification
from slrt_notification.ports import RecipientRefusedError

TIMEOUT_S = 10.0

# 400: the provider cannot use the number; 410: there is no such number any more.
_RECIPIENT_REFUSED = frozenset({400, 410})
# Everything that would meet every other message too: our credentials, a wrong address, a proxy, too many requests.
_NOT_NOW = frozenset({401, 403, 404, 405, 407, 408, 425, 429})


class ProviderSender:
    """The WhatsApp channel (keeps the promise of `ports.Sender`).

    ``POST {base_url}/messages`` with ``{"to", "text", "reference"}``; the Idempotency-Key is the notification's id, so
    that the provider takes a repeated request once.
    """

    def __init__(self, *, base_url: str, client: HttpClient) -> None:
        self._url = base_url.rstrip("/") + "/messages"
        self._client = client

    async def send(self, notification: Notification, message: Message, *, to: str) -> None:
        """See `ports.Sender`."""
        key = str(notification.notification_id)
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        propagate.inject(headers)
        body = orjson.dumps({"to": to, "text": message.text, "reference": key})
        try:
            reply = await self._client.request("POST", self._url, headers=headers, content=body, timeout=TIMEOUT_S)
        except UnreachableError as error:
            raise TransientError(f"message provider: {error}") from None
        if reply.is_success:
            return
        if reply.status in _RECIPIENT_REFUSED:
            raise RecipientRefusedError
        if reply.status in _NOT_NOW or reply.is_server_error:
            raise TransientError(f"message provider answered {reply.status}")
        raise RejectedError(f"message provider refused the message with {reply.status}")
