"""Read a message and say what it holds, field by field, with where each stood; nothing of it is kept."""

from asyncio import to_thread
from typing import Annotated, Final

import orjson
from fastapi import APIRouter, Response

from slrt_intake.api.parts import Parts
from slrt_intake.api.report_schemas import MessageBody, MessageView
from slrt_intake.reports.drafting import parsed
from slrt_kit.http.auth import Authorized, require

router = APIRouter(prefix="/reports", tags=["reports"])

_LONG: Final = 4_000
"""Characters from which on a message is read beside the loop: several milliseconds, in which others wait."""


@router.post("/parse", response_model=MessageView)
async def parse_report(
    body: MessageBody, _: Annotated[Authorized, require("intake.draft.write")], parts: Parts
) -> Response:
    """Reports of a message as drafts would have them, each field with its confidence and its place in the text.

    Whatever the text is, it is answered; what is doubtful is a warning. Nothing is written, also no look at somebody's
    data: the answer says nothing that the caller has not just sent.
    """
    if len(body.text) < _LONG:
        found = parsed(body.text, parts.reports)
    else:
        found = await to_thread(parsed, body.text, parts.reports)
    return Response(orjson.dumps(found), media_type="application/json")
