"""Play what the suite meets outside, in one container: a mail server, a message provider, the offices' endpoints.

The parts are those of the local stack. Each office is an address here, ``/offices/<code>/notices``, and takes only
notices signed with the secret that the connectors file gives for it. For demonstrations and tests.
"""

import argparse
import asyncio
import signal
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from slrt_local.journal import Journal
from slrt_local.mailsink import protocol_factory
from slrt_local.office_server import Office, OfficeServer
from slrt_local.offices import NOTICE_PATH, read_connectors
from slrt_local.pages import Pages
from slrt_local.provider import Provider

_EVERYWHERE = "0.0.0.0"  # noqa: S104 — a container is reached from outside it


def _now() -> datetime:
    return datetime.now(UTC)


async def ready(_request: Request) -> Response:
    """Nothing to wait for."""
    return PlainTextResponse("ready")


def build_app(journal: Journal, connectors: Path) -> Starlette:
    """Pages and JSON of what was received, the message provider, and one address per office of ``connectors``."""
    offices = [Office(endpoint, journal, _now) for endpoint in read_connectors(connectors)]
    return Starlette(
        routes=[
            Route("/livez", ready),
            Route("/readyz", ready),
            *(
                Route(f"/offices/{office.endpoint.code}{NOTICE_PATH}", office.take, methods=["POST"])
                for office in offices
            ),
            *Provider(journal, _now).routes(),
            *Pages(journal).routes(),
        ]
    )


async def serve(*, connectors: Path, journal_file: Path, http_port: int, smtp_port: int) -> None:
    """Run until SIGTERM or SIGINT."""
    journal = Journal(journal_file)
    loop = asyncio.get_running_loop()
    smtp = await loop.create_server(protocol_factory(journal, _now), _EVERYWHERE, smtp_port)
    app = build_app(journal, connectors)
    server = OfficeServer(uvicorn.Config(app, host=_EVERYWHERE, port=http_port, log_level="warning", lifespan="off"))

    def leave() -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leave)
    await server.serve()
    smtp.close()
    journal.close()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connectors", type=Path, required=True, help="the referral service's connectors file")
    parser.add_argument("--journal", type=Path, required=True, help="SQLite file of what was received")
    parser.add_argument("--http-port", type=int, default=8090)
    parser.add_argument("--smtp-port", type=int, default=1025)
    given = parser.parse_args()
    asyncio.run(
        serve(
            connectors=given.connectors,
            journal_file=given.journal,
            http_port=given.http_port,
            smtp_port=given.smtp_port,
        )
    )


if __name__ == "__main__":
    main()
