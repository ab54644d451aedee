"""Sign a person in for an application: authorization code with PKCE (RFC 6749, 7636, 9700; OpenID Connect Core)."""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from slrt_local.brake import Brake
from slrt_local.forms import FormError, read_form
from slrt_local.grants import Grant, Grants, Session
from slrt_local.identity import Application, Directory
from slrt_local.sign_in_page import refused_page, sign_in_page, sign_out_page, signed_out_page
from slrt_local.signing import ID_TOKEN, Signer

_SESSION_COOKIE, _FORM_COOKIE = "slrt_session", "slrt_form"
_TICKET_S = 600
_CHALLENGE = re.compile(r"[A-Za-z0-9\-_]{43}")
_LONGEST = 512
_LOOPBACK = ("127.0.0.1", "::1")


class _UnknownAddressError(Exception):
    """The application or its address is not listed: the person is told, and nobody is sent anywhere."""


class _SentBackError(Exception):
    """An error for the application (RFC 6749, 4.1.2.1)."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code, self.description = code, description


@dataclass(frozen=True)
class _Asked:
    """A valid authorization request."""

    client: str
    redirect_uri: str
    state: str | None
    nonce: str | None
    challenge: str
    scopes: frozenset[str]
    prompts: frozenset[str]
    max_age: int | None


class SignIn:
    """The endpoints that a browser is sent to."""

    def __init__(
        self,
        signer: Signer,
        directory: Directory,
        grants: Grants,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._signer, self._directory, self._grants, self._clock = signer, directory, grants, clock
        self._of_user = Brake(free=5, monotonic=monotonic)
        self._of_address = Brake(free=20, monotonic=monotonic)
        self._secret = secrets.token_bytes(32)

    # -- the password, also for direct tokens ---------------------------------------------------------------------

    def wait(self, request: Request, user: str) -> float:
        """Seconds until a password of this user, from this address, is looked at."""
        return max(self._of_user.wait(user), self._of_address.wait(_address(request)))

    def is_right(self, request: Request, user: str, password: str) -> bool:
        """Whether the password is right; a wrong one is counted."""
        right = hmac.compare_digest(self._directory.password.encode(), password.encode())
        if user in self._directory.users and right:
            self._of_user.succeeded(user)
            return True
        self._of_user.failed(user)
        self._of_address.failed(_address(request))
        return False

    # -- authorization ------------------------------------------------------------------------------------------------

    async def authorize(self, request: Request) -> Response:
        """GET: the form, or straight back with a code where the browser has a session. POST: the form, filled in."""
        given = parse_qsl(request.url.query, keep_blank_values=True)
        try:
            application, redirect_uri = self._application(given)
        except _UnknownAddressError:
            return refused_page(
                "Aplikasi ini tidak dikenal, atau alamat kembalinya tidak terdaftar.",
                "This application is not known, or the address to return to is not listed.",
            )
        values = dict(given)
        try:
            asked = _asked(given, application, redirect_uri)
            if request.method == "POST":
                return await self._filled_in(request, asked)
            session = self._grants.session(request.cookies.get(_SESSION_COOKIE))
            if session is not None and self._is_enough(session, asked):
                return self._with_code(asked, session)
            if "none" in asked.prompts:
                raise _SentBackError("login_required", "nobody is signed in here")  # noqa: TRY301 — answered as others
        except _SentBackError as refused:
            error = {"error": refused.code, "error_description": refused.description}
            return self._back(redirect_uri, {**error, "state": values.get("state")})
        return self._form(request, asked)

    def _application(self, given: list[tuple[str, str]]) -> tuple[Application, str]:
        clients = [value for name, value in given if name == "client_id"]
        addresses = [value for name, value in given if name == "redirect_uri"]
        application = self._directory.applications.get(clients[0]) if len(clients) == 1 else None
        if application is None or len(addresses) != 1 or addresses[0] not in application.redirect_uris:
            raise _UnknownAddressError
        return application, addresses[0]

    def _is_enough(self, session: Session, asked: _Asked) -> bool:
        is_young = asked.max_age is None or self._clock() - session.auth_time <= asked.max_age
        return is_young and not asked.prompts & {"login", "select_account"}

    async def _filled_in(self, request: Request, asked: _Asked) -> Response:
        try:
            form = await read_form(request)
        except FormError:
            return self._form(request, asked, wrong="stale", status=400)
        user = form.get("username", "")
        if not self._is_own_form(request, form.get("ticket", "")):
            return self._form(request, asked, wrong="stale", name=user, status=403)
        if wait := self.wait(request, user):
            answer = self._form(request, asked, wrong="wait", name=user, status=429)
            answer.headers["Retry-After"] = str(int(wait) + 1)
            return answer
        if not self.is_right(request, user, form.get("password", "")):
            return self._form(request, asked, wrong="wrong", name=user, status=403)
        session = self._grants.open_session(self._directory.users[user], auth_time=int(self._clock()))
        answer = self._with_code(asked, session)
        self._set_cookie(answer, _SESSION_COOKIE, session.id, same_site="lax")
        return answer

    def _with_code(self, asked: _Asked, session: Session) -> Response:
        grant = Grant(asked.client, asked.redirect_uri, asked.challenge, asked.scopes, asked.nonce, session)
        return self._back(asked.redirect_uri, {"code": self._grants.issue_code(grant), "state": asked.state})

    def _back(self, redirect_uri: str, values: Mapping[str, str | None]) -> Response:
        """To the application, with the issuer's name (RFC 9207), so that no other issuer's answer is taken for ours."""
        said = {name: value for name, value in {**values, "iss": self._signer.issuer}.items() if value is not None}
        parts = urlsplit(redirect_uri)
        query = "&".join(filter(None, (parts.query, urlencode(said))))
        headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        return RedirectResponse(urlunsplit(parts._replace(query=query)), 303, headers)

    # -- signing out --------------------------------------------------------------------------------------------------

    async def end_session(self, request: Request) -> Response:
        """RP-initiated logout: by the ID token of the session, else after a question. Its access tokens end too."""
        given = dict(parse_qsl(request.url.query, keep_blank_values=True))
        held = request.cookies.get(_SESSION_COOKIE, "")
        claims = self._signer.read(given.get("id_token_hint", ""), kind=ID_TOKEN, at=None)
        target = given.get("post_logout_redirect_uri")
        client = str(claims["aud"]) if claims else given.get("client_id", "")
        application = self._directory.applications.get(client)
        if target is not None and (application is None or target not in application.after_sign_out):
            return refused_page("Alamat kembalinya tidak terdaftar.", "The address to return to is not listed.")
        if claims is not None:
            self._grants.end_session_named(str(claims.get("sid")))
        elif request.method == "POST":
            form = await read_form(request)
            if not self._is_own_form(request, form.get("ticket", "")):
                return self._asking(request)
            self._grants.end_session(held)
        else:
            return self._asking(request)
        answer: Response = signed_out_page()
        if target is not None:
            state = urlencode({"state": given["state"]}) if "state" in given else ""
            answer = RedirectResponse("?".join(filter(None, (target, state))), 303, {"Cache-Control": "no-store"})
        answer.delete_cookie(_SESSION_COOKIE, path=self._path, httponly=True, samesite="lax", secure=self._is_secure)
        return answer

    def _asking(self, request: Request) -> Response:
        browser, ticket = self._ticket(request)
        answer = sign_out_page(ticket=ticket)
        self._set_cookie(answer, _FORM_COOKIE, browser, same_site="strict")
        return answer

    # -- forms that only our own pages can send ----------------------------------------------------------------------

    def _form(self, request: Request, asked: _Asked, *, wrong: str = "", name: str = "", status: int = 200) -> Response:
        browser, ticket = self._ticket(request)
        answer = sign_in_page(
            ticket=ticket, name=name[:_LONGEST], redirect_uri=asked.redirect_uri, wrong=wrong, status=status
        )
        self._set_cookie(answer, _FORM_COOKIE, browser, same_site="strict")
        return answer

    def _ticket(self, request: Request) -> tuple[str, str]:
        """A browser's own value, which goes into a cookie, and what proves that a form was shown to that browser."""
        browser = request.cookies.get(_FORM_COOKIE) or secrets.token_urlsafe(24)
        until = int(self._clock()) + _TICKET_S
        return browser, f"{until}.{self._proof(request, browser, until)}"

    def _is_own_form(self, request: Request, ticket: str) -> bool:
        until, _, proof = ticket.partition(".")
        browser = request.cookies.get(_FORM_COOKIE, "")
        if not browser or not until.isdecimal() or int(until) < self._clock():
            return False
        if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return False
        return hmac.compare_digest(self._proof(request, browser, int(until)), proof)

    def _proof(self, request: Request, browser: str, until: int) -> str:
        bound = f"{until}\n{browser}\n{request.url.path}\n{request.url.query}".encode()
        return hmac.new(self._secret, bound, hashlib.sha256).hexdigest()

    def _set_cookie(self, answer: Response, name: str, value: str, *, same_site: str) -> None:
        answer.set_cookie(
            name,
            value,
            path=self._path,
            httponly=True,
            secure=self._is_secure,
            samesite="lax" if same_site == "lax" else "strict",
        )

    @property
    def _path(self) -> str:
        return urlsplit(self._signer.issuer).path or "/"

    @property
    def _is_secure(self) -> bool:
        return self._signer.issuer.startswith("https:")


def _asked(given: list[tuple[str, str]], application: Application, redirect_uri: str) -> _Asked:
    """Raises _SentBackError: naming what is wrong."""
    values = dict(given)
    if len(values) != len(given) or any(len(value) > _LONGEST for name, value in given if name != "id_token_hint"):
        raise _SentBackError("invalid_request", "a parameter is repeated or too long")
    if "request" in values or "request_uri" in values:
        code = "request_not_supported" if "request" in values else "request_uri_not_supported"
        raise _SentBackError(code, "give the parameters themselves")
    if values.get("response_type") != "code":
        raise _SentBackError("unsupported_response_type", "response_type is code")
    if values.get("response_mode", "query") != "query":
        raise _SentBackError("invalid_request", "response_mode is query")
    if values.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(values.get("code_challenge", "")):
        raise _SentBackError("invalid_request", "PKCE with S256 is needed")
    prompts = frozenset(values.get("prompt", "").split())
    max_age = values.get("max_age")
    if ("none" in prompts and len(prompts) > 1) or not (max_age is None or max_age.isdecimal()):
        raise _SentBackError("invalid_request", "prompt or max_age is wrong")
    return _Asked(
        client=application.client,
        redirect_uri=redirect_uri,
        state=values.get("state"),
        nonce=values.get("nonce"),
        challenge=values["code_challenge"],
        scopes=frozenset(values.get("scope", "").split()),
        prompts=prompts,
        max_age=None if max_age is None else int(max_age),
    )


def _address(request: Request) -> str:
    """Who asks, as the gateway saw it; without the gateway, who is connected."""
    peer = request.client.host if request.client else ""
    forwarded = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return forwarded if forwarded and peer in _LOOPBACK else peer
