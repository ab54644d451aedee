"""What the routes share."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from slrt_kit.db import Database
from slrt_notification.ports import DeliveryLog


@dataclass(frozen=True, slots=True)
class NotificationParts:
    """Composed once in `app.py`, handed to every route."""

    database: Database
    delivery_log: DeliveryLog


# A coroutine, because FastAPI sends a plain function to a thread, which costs more than the work.
async def _parts(request: Request) -> NotificationParts:
    parts: NotificationParts = request.app.state.parts
    return parts


Parts = Annotated[NotificationParts, Depends(_parts)]
