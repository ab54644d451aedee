"""Figures for those who lead: how many cases there are, and nobody's case among them."""

from typing import Annotated

from fastapi import APIRouter

from slrt_intake.api.access_schemas import FiguresView, FigureView
from slrt_intake.api.parts import Parts
from slrt_intake.store.figures import CountBy, count_cases
from slrt_kit.http.auth import Authorized, require
from slrt_kit.suppression import suppressed

router = APIRouter(prefix="/figures", tags=["figures"])


@router.get("/cases")
async def get_case_figures(
    by: CountBy, authorized: Annotated[Authorized, require("intake.report.read")], parts: Parts
) -> FiguresView:
    """How many cases of the caller's area there are, by one thing. A number so small that it points at somebody is
    null, and so is another one from which it could be worked out."""
    async with parts.database.read() as session:
        counts = await count_cases(session, authorized.scope, by=by)
    shown = suppressed(counts)
    return FiguresView(by=by, figures=[FigureView(cell=cell, cases=cases) for cell, cases in shown.items()])
