"""The pages of the local issuer: sign in, sign out, and what went wrong. They work without script."""

import hashlib
import html
from base64 import b64encode
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse

_STYLE = (
    "body{font:1.05rem/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:26rem;margin:3rem auto;"
    "padding:0 1rem}label{display:block;font-weight:600;margin-top:1rem}"
    "input{font:inherit;width:100%;box-sizing:border-box;padding:.6rem;border:2px solid #595959;border-radius:.3rem}"
    "button{font:inherit;font-weight:600;margin-top:1.5rem;padding:.7rem 1.4rem;border:0;border-radius:.3rem;"
    "background:#0b4f8a;color:#fff}input:focus-visible,button:focus-visible{outline:3px solid #b35900;"
    "outline-offset:2px}.note{border-left:.4rem solid #8a5a00;background:#fff6e0;padding:.6rem 1rem}"
    ".wrong{border-left:.4rem solid #a30015;background:#fdeaea;padding:.6rem 1rem}[lang=en]{color:#444}"
)
_STYLE_HASH = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_NOTE = (
    '<p class="note"><strong>Hanya untuk pengembangan.</strong> Orang-orang di sini rekaan; jangan masukkan data '
    'asli.<br><span lang="en">For development only. The people are invented; enter no real data.</span></p>'
)
_WRONG = {
    "wrong": (
        "Nama pengguna atau kata sandi salah.",
        "User name or password is wrong.",
    ),
    "wait": (
        "Terlalu banyak percobaan. Tunggu sebentar, lalu coba lagi.",
        "Too many attempts. Wait a moment, then try again.",
    ),
    "stale": (
        "Halaman ini sudah kedaluwarsa. Silakan masuk lagi.",
        "This page was too old. Please sign in again.",
    ),
}


def sign_in_page(*, ticket: str, name: str, redirect_uri: str, wrong: str = "", status: int = 200) -> HTMLResponse:
    """The form; it is sent to the address that it was shown at. ``wrong`` is a key of what went wrong, or empty."""
    said = ""
    if wrong:
        indonesian, english = _WRONG[wrong]
        said = f'<p class="wrong" role="alert">{indonesian}<br><span lang="en">{english}</span></p>'
    body = (
        f"<h1>Masuk ke SLRT<br><small lang='en'>Sign in to SLRT</small></h1>{_NOTE}{said}"
        f'<form method="post"><input type="hidden" name="ticket" value="{html.escape(ticket)}">'
        '<label for="username">Nama pengguna <span lang="en">/ User name</span></label>'
        f'<input id="username" name="username" value="{html.escape(name)}" autocomplete="username" required '
        'autocapitalize="none" spellcheck="false" autofocus maxlength="200">'
        '<label for="password">Kata sandi <span lang="en">/ Password</span></label>'
        '<input id="password" name="password" type="password" autocomplete="current-password" required '
        'maxlength="200"><button type="submit">Masuk <span lang="en">/ Sign in</span></button></form>'
    )
    return page("Masuk – SLRT", body, status=status, form_target=redirect_uri)


def sign_out_page(*, ticket: str) -> HTMLResponse:
    """Asks before it ends a session: whoever links here must not be able to."""
    body = (
        f"<h1>Keluar dari SLRT?<br><small lang='en'>Sign out of SLRT?</small></h1>{_NOTE}"
        f'<form method="post"><input type="hidden" name="ticket" value="{html.escape(ticket)}">'
        '<button type="submit">Keluar <span lang="en">/ Sign out</span></button></form>'
    )
    return page("Keluar – SLRT", body)


def signed_out_page() -> HTMLResponse:
    """The end."""
    return page("Keluar – SLRT", f"<h1>Anda sudah keluar<br><small lang='en'>You are signed out</small></h1>{_NOTE}")


def refused_page(indonesian: str, english: str) -> HTMLResponse:
    """What cannot be answered to the application, because nobody knows whose address it gave."""
    body = (
        "<h1>Tidak dapat masuk<br><small lang='en'>Cannot sign in</small></h1>"
        f'<p class="wrong" role="alert">{html.escape(indonesian)}<br><span lang="en">{html.escape(english)}</span></p>'
    )
    return page("SLRT", body, status=400)


def page(title: str, body: str, *, status: int = 200, form_target: str = "") -> HTMLResponse:
    """A page with a content security policy that allows its own style and form, and nothing else.

    Browsers hold the answer to a form to ``form-action`` too: so it names where the form leads in the end.
    """
    parts = urlsplit(form_target)
    target = f" {parts.scheme}://{parts.netloc}" if form_target else ""
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'{target}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    text = (
        f'<!doctype html><html lang="id"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main>{body}</main></body></html>"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
    return HTMLResponse(text, status, headers)
