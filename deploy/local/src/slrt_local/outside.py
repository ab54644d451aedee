"""Play what the suite meets outside: issuer, mail server, message provider, offices, and the API docs.

One process, to keep memory small: ``python -m slrt_local.outside --state DIR``. The offices listen on ports of
their own and can be closed and opened one by one while everything else runs.
"""

import argparse
import asyncio
import importlib.util
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from slrt_local import offices
from slrt_local.identity import PREFIX, directory
from slrt_local.issuer import Issuer
from slrt_local.journal import Journal
from slrt_local.mailsink import protocol_factory
from slrt_local.net import LOOPBACK
from slrt_local.office_server import Office, OfficeServer
from slrt_local.pages import Pages
from slrt_local.provider import Provider
from slrt_local.revoked import Revoked
from slrt_local.signing import Signer
from slrt_local.state import State, project_root


def _now() -> datetime:
    return datetime.now(UTC)


class Switchboard:
    """``/api/offices`` and ``/api/provider``: see who is open, close and open them."""

    def __init__(self, people: list[Office], provider: Provider) -> None:
        self._offices = {office.endpoint.code: office for office in people}
        self._provider = provider

    def routes(self) -> list[BaseRoute]:
        """The routes to mount."""
        return [
            Route("/api/offices", self.listing),
            Route("/api/offices/{code}/{verb}", self.switch_office, methods=["POST"]),
            Route("/api/provider/{verb}", self.switch_provider, methods=["POST"]),
        ]

    async def listing(self, _request: Request) -> Response:
        """Each office with its address and whether it is open."""
        return JSONResponse(
            {code: {"url": office.endpoint.url, "open": office.is_open} for code, office in self._offices.items()}
        )

    async def switch_office(self, request: Request) -> Response:
        """``open`` or ``close`` one office; 404 for an unknown one."""
        office, verb = self._offices.get(request.path_params["code"]), request.path_params["verb"]
        if office is None or verb not in ("open", "close"):
            return JSONResponse({"error": "no such office, or neither open nor close"}, 404)
        await (office.open() if verb == "open" else office.close())
        return JSONResponse({"open": office.is_open})

    async def switch_provider(self, request: Request) -> Response:
        """``open`` or ``close`` the message provider."""
        verb = request.path_params["verb"]
        if verb not in ("open", "close"):
            return JSONResponse({"error": "neither open nor close"}, 404)
        self._provider.is_open = verb == "open"
        return JSONResponse({"open": self._provider.is_open})


async def ready(_request: Request) -> Response:
    """Readiness: it is asked over the port that opens last."""
    return JSONResponse({"status": "ok"})


def build_app(state: State, journal: Journal, people: list[Office], *, issuer: str) -> Starlette:
    """The application of the common port."""
    secrets = {client: state.secret(f"client-{client}") for client in directory().clients}
    identity = Issuer(Signer.of(state, issuer), directory(), secrets, Revoked(state))
    provider = Provider(journal, _now)
    routes: list[BaseRoute] = [
        Route("/livez", ready),
        Route("/readyz", ready),
        *identity.routes(),
        *provider.routes(),
        *Switchboard(people, provider).routes(),
        *Pages(journal).routes(),
    ]
    return Starlette(routes=routes)


def load_docs_app() -> Any:
    """The ASGI application of ``deploy/gateway/docs_app.py``, which containers run by itself."""
    path = project_root() / "deploy" / "gateway" / "docs_app.py"
    spec = importlib.util.spec_from_file_location("slrt_docs_app", path)
    if spec is None or spec.loader is None:
        raise RuntimeError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.app


def _server(app: Any, port: int) -> OfficeServer:
    config = uvicorn.Config(app, host=LOOPBACK, port=port, log_level="warning", access_log=False, lifespan="off")
    return OfficeServer(config)


async def serve(state: State, *, port: int, docs_port: int, smtp_port: int, issuer: str) -> None:
    """Run until SIGTERM or SIGINT."""
    journal = Journal(state.root / "outside" / "received.sqlite")
    people = [Office(endpoint, journal, _now) for endpoint in offices.read_connectors(offices.connectors_file(state))]
    loop = asyncio.get_running_loop()
    smtp = await loop.create_server(protocol_factory(journal, _now), LOOPBACK, smtp_port)
    for office in people:
        await office.open()
    # The docs have a port of their own: the gateway sends them every unknown path, and must not reach the rest.
    servers = [
        _server(load_docs_app(), docs_port),
        _server(build_app(state, journal, people, issuer=issuer), port),
    ]

    def leave() -> None:
        for server in servers:
            server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leave)
    await asyncio.gather(*(server.serve() for server in servers))
    for office in people:
        await office.close()
    smtp.close()
    journal.close()


def main() -> None:
    """The command line; the launcher gives the ports and the issuer's name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--docs-port", type=int, required=True)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--issuer", required=True, help=f"public address of {PREFIX}")
    given = parser.parse_args()
    ports = {"port": given.port, "docs_port": given.docs_port, "smtp_port": given.smtp_port}
    asyncio.run(serve(State(given.state), **ports, issuer=given.issuer))


if __name__ == "__main__":
    main()
