"""The routing policy to read: which offices there are, which rule sends what where."""

from typing import Annotated

from fastapi import APIRouter, Query

from slrt_kit.clock import day_of
from slrt_kit.http.auth import Authorized, require
from slrt_kit.regions import NATION
from slrt_referral.api.explanations import ExplainBody, RoutingView
from slrt_referral.api.parts import Parts
from slrt_referral.api.schemas import OfficeView, PolicyView
from slrt_referral.domain.problems import UnknownDistrictError

router = APIRouter(tags=["routing policy"])

Region = Annotated[str, Query(pattern=r"^[0-9]{2}(\.[0-9]{2}){0,2}$")]
Reader = Annotated[Authorized, require("referral.policy.read")]


@router.get("/offices")
async def list_offices(_: Reader, parts: Parts) -> list[OfficeView]:
    """The table of offices, also those of the past and of days to come, by code."""
    return [OfficeView.of(office) for office in sorted(parts.routing.offices, key=lambda office: office.code)]


@router.get("/routing-rules")
async def get_routing_rules(_: Reader, parts: Parts, region: Region = NATION) -> PolicyView:
    """The rules in force in a region (``00`` is the nation), as the policy states them."""
    return PolicyView.of(parts.routing.at(region))


@router.post("/routing-rules/explain")
async def explain_routing(body: ExplainBody, _: Reader, parts: Parts) -> RoutingView:
    """Where a need like this would go today, by which rule and clauses, and what would send it elsewhere.

    Nothing is kept and nothing happens. It takes codes alone, so that nobody has to be named to ask.
    """
    if not parts.routing.knows(body.district_code):
        raise UnknownDistrictError
    explainer = parts.routing.explainer(body.district_code)
    reason = explainer.explain(body.need(), district_code=body.district_code, on=day_of(parts.database.clock.now()))
    return RoutingView.of(reason, explainer.policy.version)
