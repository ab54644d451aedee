"""Read a form of a request, bounded and each name once."""

from urllib.parse import parse_qs

from starlette.requests import Request

_MAX_BODY = 16_384


class FormError(Exception):
    """It is no such form; ``status`` is how it is answered."""

    def __init__(self, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.description, self.status = description, status


async def read_form(request: Request) -> dict[str, str]:
    """Raises FormError: it is too large, no form, or a name stands twice in it."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            raise FormError("the body is too large", status=413)
    try:
        parsed = parse_qs(body.decode(), strict_parsing=bool(body), keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise FormError("the body is not form-urlencoded") from error
    if any(len(values) > 1 for values in parsed.values()):
        raise FormError("a parameter is repeated")
    return {name: values[0] for name, values in parsed.items()}
