"""Write `docs/reference/access.md` from access.yaml, or with `--check` say whether it has drifted.

Run by `make contracts` and, with `--check`, by `make lint`. Exit codes: 0 all well, 1 drift.
"""

from pathlib import Path

from reference_page import run

from slrt_kit.access import access_table

PAGE = Path("docs") / "reference" / "access.md"

_HEAD = """<!-- Written by `make contracts` from kit/src/slrt_kit/access.yaml; do not edit. -->
# Access

Who may do what, and how far it reaches. A token brings roles, a region and an office; a route demands one permission
(`x-slrt-permission` in the OpenAPI documents); the scope becomes a condition of the query, so that what is not the
caller's is not found.

| Scope | Reaches |
|---|---|
| region | the subtree of the token's region |
| office | what was sent to the token's office |
| own | what the caller made |
| assigned | what somebody put the caller in charge of |
| any | everything |

Two kinds of cases are kept from most whose scope covers them, in every service:

| Kind | Who knows of it |
|---|---|
| restricted: violence, child protection, HIV, mental health, or asked for | officers in charge of \
it; the office it was referred to; machines of the suite. The manager and the heads learn that it exists and who is in \
charge. It is in no list, search, number or message of anybody else |
| sealed by the head of the office | machines of the suite |

An **emergency access** opens such a case of the own region to one officer, to read, for three hours, with a reason; the
supervisor gets a mail at once, and somebody else must review it. How a **reporter who asked for secrecy** is reached,
nobody learns. A **transfer** moves a case to another region at once and ends who was in charge. Beside the role of an
administrator no other role of a token counts.
"""


def page() -> str:
    """The page about access."""
    table = access_table()
    lines = [_HEAD, f"Version {table.version} of the table.", ""]
    for role in sorted({role for grants in table.permissions.values() for role in grants}):
        lines += [f"## {role}", "", "| Permission | Scope |", "|---|---|"]
        lines += [f"| `{name}` | {grants[role]} |" for name, grants in table.permissions.items() if role in grants]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(run("access", PAGE, lambda _: page(), source="kit/src/slrt_kit/access.yaml"))
