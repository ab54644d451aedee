"""Show what the outside world received: one page per kind, and the same as JSON."""

import html
import json
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from slrt_local.journal import Entry, Journal

KINDS = {"mails": "mail", "messages": "message", "notices": "notice"}
_TITLES = {"mails": "Surat elektronik", "messages": "Pesan WhatsApp/SMS", "notices": "Pemberitahuan ke OPD"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_STYLE = (
    "body{font-family:system-ui,sans-serif;margin:2rem;max-width:70rem}nav a{margin-right:1rem}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.35rem .7rem;border-bottom:1px solid #ddd}"
    "pre{white-space:pre-wrap;background:#f6f6f6;padding:1rem}"
)


class Pages:
    """``/mails``, ``/messages``, ``/notices`` for people; ``/api/…`` for programs."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def routes(self) -> list[BaseRoute]:
        """The routes to mount."""
        found: list[BaseRoute] = [Route("/", self.index), Route("/api/counts", self.counts)]
        for plural in KINDS:
            found += [
                Route(f"/{plural}", self.page, name=plural),
                Route(f"/{plural}/{{number:int}}", self.single),
                Route(f"/api/{plural}", self.listing),
            ]
        return found

    async def index(self, _request: Request) -> Response:
        """The mails are what a person looks for first."""
        return HTMLResponse(document("mails", self._table("mails", None)), headers=_HEADERS)

    async def page(self, request: Request) -> Response:
        """The newest entries; ``?to=`` shows one recipient or office."""
        plural = request.url.path.strip("/")
        return HTMLResponse(document(plural, self._table(plural, request.query_params.get("to"))), headers=_HEADERS)

    async def single(self, request: Request) -> Response:
        """One entry in full."""
        plural = request.url.path.strip("/").split("/")[0]
        entry = self._journal.one(request.path_params["number"])
        if entry is None or entry.kind != KINDS[plural]:
            return HTMLResponse(document(plural, "<p>Tidak ada.</p>"), 404, _HEADERS)
        return HTMLResponse(document(plural, render(entry)), headers=_HEADERS)

    async def listing(self, request: Request) -> Response:
        """The newest entries as JSON; ``?to=`` (or ``?office=``) shows one recipient or office."""
        kind = KINDS[request.url.path.rsplit("/", 1)[1]]
        address = request.query_params.get("to") or request.query_params.get("office")
        return JSONResponse([asdict(entry) for entry in self._journal.all(kind, address=address)])

    async def counts(self, _request: Request) -> Response:
        """Per kind: distinct entries and repeated arrivals."""
        return JSONResponse(self._journal.counts())

    def _table(self, plural: str, address: str | None) -> str:
        rows = "".join(
            f"<tr><td>{entry.number}</td><td>{_e(entry.at[:19])}</td><td>{_e(entry.address)}</td>"
            f'<td><a href="/{plural}/{entry.number}">{_e(_subject(entry))}</a></td><td>{entry.seen}×</td></tr>'
            for entry in self._journal.all(KINDS[plural], address=address)
        )
        head = "<tr><th>No.</th><th>Waktu (UTC)</th><th>Kepada</th><th>Isi</th><th>Datang</th></tr>"
        return f"<table>{head}{rows}</table>" if rows else "<p>Belum ada.</p>"


def document(plural: str, inner: str) -> str:
    """A whole page around ``inner``, which must be escaped already."""
    links = "".join(f'<a href="/{name}">{title}</a>' for name, title in _TITLES.items())
    title = _TITLES[plural]
    return (
        f'<!doctype html><html lang="id"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><nav>{links}</nav><h1>{title}</h1>{inner}</body></html>"
    )


def render(entry: Entry) -> str:
    """One entry as HTML; everything that came from outside is escaped."""
    if entry.kind == "mail":
        head = "".join(
            f"<tr><th>{_e(key)}</th><td>{_e(str(entry.body.get(key, '')))}</td></tr>"
            for key in ("from", "to", "subject")
        )
        return f"<table>{head}</table><pre>{_e(str(entry.body.get('text', '')))}</pre>"
    return f"<p>{_e(entry.key)}</p><pre>{_e(json.dumps(entry.body, ensure_ascii=False, indent=2))}</pre>"


def _subject(entry: Entry) -> str:
    for field in ("subject", "text", "type", "template"):
        if entry.body.get(field):
            return str(entry.body[field])[:80]
    return entry.key


def _e(text: str) -> str:
    return html.escape(text, quote=True)
