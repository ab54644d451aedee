"""Hold what the local issuer has given: sessions of browsers, and codes that are good once and for a minute."""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from slrt_local.identity import Account

CODE_S = 60
SESSION_S = 8 * 3600
_REMEMBERED_S = 3600 + CODE_S
"""So long a code that comes again still tells what to take back: the life of what it gave."""
_MOST = 10_000
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")  # RFC 7636, section 4.1


class GrantRefusedError(Exception):
    """``invalid_grant``; nothing more is said to whoever comes with the code."""


@dataclass
class Session:
    """One browser that has signed in; ``auth_time`` in seconds since 1970."""

    id: str
    account: Account
    auth_time: int
    tokens: list[str] = field(default_factory=list)
    """The ids of the access tokens that it was given."""

    @property
    def name(self) -> str:
        """What may be told of it: the id itself is the browser's key to it."""
        return _digest(self.id)[:32]


@dataclass
class Grant:
    """What a code stands for."""

    client: str
    redirect_uri: str
    challenge: str
    scopes: frozenset[str]
    nonce: str | None
    session: Session
    at: float = 0.0
    is_used: bool = False
    tokens: list[str] = field(default_factory=list)


class Grants:
    """Sessions and codes of one issuer process; a restart forgets them."""

    def __init__(self, *, take_back: Callable[[str], None], monotonic: Callable[[], float]) -> None:
        """``take_back`` revokes an access token by its id."""
        self._take_back, self._monotonic = take_back, monotonic
        self._sessions: OrderedDict[str, tuple[float, Session]] = OrderedDict()
        self._codes: OrderedDict[str, Grant] = OrderedDict()

    def open_session(self, account: Account, *, auth_time: int) -> Session:
        """A new session, whatever the browser had before."""
        session = Session(secrets.token_urlsafe(32), account, auth_time)
        self._sessions[session.id] = (self._monotonic(), session)
        _bound(self._sessions)
        return session

    def session(self, session_id: str | None) -> Session | None:
        """The session, while it lasts."""
        opened, session = self._sessions.get(session_id or "", (0.0, None))
        return session if session is not None and self._monotonic() - opened < SESSION_S else None

    def end_session(self, session_id: str) -> None:
        """End it and take back what it was given."""
        _, session = self._sessions.pop(session_id, (0.0, None))
        for token in session.tokens if session else ():
            self._take_back(token)

    def end_session_named(self, name: str) -> None:
        """The same for the name that ID tokens tell (`Session.name`)."""
        for session_id, (_, session) in list(self._sessions.items()):
            if session.name == name:
                self.end_session(session_id)

    def issue_code(self, grant: Grant) -> str:
        """A code for the grant."""
        code = secrets.token_urlsafe(32)
        grant.at = self._monotonic()
        self._codes[_digest(code)] = grant
        while self._codes and self._monotonic() - next(iter(self._codes.values())).at > _REMEMBERED_S:
            self._codes.popitem(last=False)
        _bound(self._codes)
        return code

    def redeem(self, code: str, *, client: str, redirect_uri: str, verifier: str) -> Grant:
        """What the code stands for; from now on it is used, whoever came with it.

        A code that comes again was stolen, before or after: what it gave is taken back (RFC 9700, section 2.1.1).

        Raises:
            GrantRefusedError: no such code, used or too old, or of another client, redirect or verifier.
        """
        grant = self._codes.get(_digest(code))
        if grant is None:
            raise GrantRefusedError
        if grant.is_used:
            for token in grant.tokens:
                self._take_back(token)
            raise GrantRefusedError
        grant.is_used = True
        if self._monotonic() - grant.at > CODE_S or (grant.client, grant.redirect_uri) != (client, redirect_uri):
            raise GrantRefusedError
        if not _VERIFIER.fullmatch(verifier) or not hmac.compare_digest(challenge_of(verifier), grant.challenge):
            raise GrantRefusedError
        if self.session(grant.session.id) is None:
            raise GrantRefusedError
        return grant


def challenge_of(verifier: str) -> str:
    """S256 (RFC 7636, section 4.2)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def _bound(entries: "OrderedDict[str, Any]") -> None:
    while len(entries) > _MOST:
        entries.popitem(last=False)
