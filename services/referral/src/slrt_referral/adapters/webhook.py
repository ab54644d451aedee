"""POST signed notices to one office's endpoint (Standard Webhooks); failures come back by class."""

from uuid import UUID

from standardwebhooks.webhooks import Webhook

from slrt_contracts.structured import MEDIA_TYPE
from slrt_kit.clock import Clock
from slrt_kit.http.outgoing import HttpClient, UnreachableError
from slrt_kit.messaging.errors import RejectedError, TransientError
from slrt_referral.adapters.connectors_file import Endpoint

_CONTENT_TYPE = f"{MEDIA_TYPE}; charset=utf-8"
# What passes by itself; 408 and 425 ask for a later attempt by name.
_TRY_AGAIN = frozenset({408, 425, 429})


class WebhookNotices:
    """The endpoint of one office (keeps the promises of `ports.Notices`).

    ``timeout`` in seconds is for the whole delivery. Redirects are not followed.
    """

    def __init__(self, endpoint: Endpoint, *, client: HttpClient, clock: Clock, timeout: float) -> None:
        self._url = endpoint.url
        self._webhook = Webhook(endpoint.secret.get_secret_value())
        self._client = client
        self._clock = clock
        self._timeout = timeout

    async def deliver(self, *, notice_id: UUID, body: bytes) -> None:
        """See `ports.Notices`. Signed anew on each attempt, because receivers refuse old timestamps."""
        at = self._clock.now()
        headers = {
            "content-type": _CONTENT_TYPE,
            "user-agent": "slrt-referral",
            "webhook-id": str(notice_id),
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": self._webhook.sign(str(notice_id), at, body.decode()),
        }
        try:
            # Whatever an endpoint answers, only its status matters.
            reply = await self._client.request(
                "POST", self._url, headers=headers, content=body, timeout=self._timeout, reads_body=False
            )
        except UnreachableError as error:
            raise TransientError(f"office endpoint: {error}") from error
        if reply.is_success:
            return
        if reply.status in _TRY_AGAIN or reply.is_server_error:
            raise TransientError(f"office endpoint answered {reply.status}")
        raise RejectedError(f"office endpoint answered {reply.status}")
