"""Read one policy document, YAML, into nodes that know their lines; what cannot be read is a finding, never a guess.

A small part of YAML is enough here: mappings, lists and text. Anchors, aliases and tags are refused: an alias may name
what it stands in, or grow a kilobyte to gigabytes, and none of them helps whoever reads a decree in a file.
"""

import re
from collections.abc import Iterator

import yaml

from slrt_kit.policy.findings import Finding, Place
from slrt_kit.problems import Text

MAX_CHARS = 200_000
"""A document larger than this is no policy of ours; the largest has some 60,000."""
_MAX_DEPTH = 16
# libyaml's where the wheel has it: it takes a tenth of the time.
_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_UNPRINTABLE = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def parse(text: str, file: str, found: list[Finding]) -> yaml.MappingNode | None:
    """The mapping that a document is; None where it cannot be read, and ``found`` then says why."""
    refused = next(_refusals(text, file), None)
    if refused is not None:
        found.append(refused)
        return None
    node = yaml.compose(text, Loader=_Loader)
    if node is None or not isinstance(node, yaml.MappingNode):
        found.append(
            Finding(
                Place(file, 1),
                "syntax-error",
                Text("berkas ini bukan pasangan kunci dan nilai", "the file is not a mapping of keys to values"),
                Text("mulai dengan baris `entries:`", "begin with a line `entries:`"),
            )
        )
        return None
    return node


def _refusals(text: str, file: str) -> Iterator[Finding]:
    """Why a text is not read at all, looked for event by event: nothing of it has been built by then."""
    if len(text) > MAX_CHARS:
        yield Finding(
            Place(file),
            "too-large",
            Text(f"berkas ini lebih dari {MAX_CHARS} karakter", f"the file has more than {MAX_CHARS} characters"),
            Text("bagi menjadi lapisan yang lebih kecil", "split it into smaller layers"),
        )
        return
    strange = _UNPRINTABLE.search(text)
    if strange is not None:
        yield Finding(
            Place(file, text.count("\n", 0, strange.start()) + 1),
            "syntax-error",
            Text("ada karakter yang tidak dapat dicetak", "there is a character that cannot be printed"),
            Text("tulis ulang baris itu", "write the line anew"),
        )
        return
    depth, documents = 0, 0
    try:
        for event in yaml.parse(text, Loader=_Loader):
            line = event.start_mark.line + 1 if event.start_mark is not None else 0
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
            if depth > _MAX_DEPTH:
                yield Finding(
                    Place(file, line),
                    "syntax-error",
                    Text("bersarang terlalu dalam", "nested too deeply"),
                    Text(f"paling dalam {_MAX_DEPTH} tingkat", f"at most {_MAX_DEPTH} levels"),
                )
                return
            if documents > 1:
                yield Finding(
                    Place(file, line),
                    "syntax-error",
                    Text("dokumen kedua dalam satu berkas", "a second document in one file"),
                    Text("hapus baris `---`", "remove the line `---`"),
                )
                return
            if getattr(event, "anchor", None) or getattr(event, "tag", None):
                yield Finding(
                    Place(file, line),
                    "not-plain-yaml",
                    Text(
                        "jangkar (&), acuan (*), atau tag (!) tidak dipakai di sini",
                        "anchors (&), aliases (*) and tags (!) are not taken here",
                    ),
                    Text(
                        "tulis nilainya; teks berawalan tanda itu diberi tanda kutip",
                        "write the value itself; quote a text that begins with such a sign",
                    ),
                )
                return
    except yaml.YAMLError as error:
        yield _unreadable(error, file)


def _unreadable(error: yaml.YAMLError, file: str) -> Finding:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "not YAML"
    return Finding(
        Place(file, mark.line + 1 if mark is not None else 0),
        "syntax-error",
        Text(f"bukan YAML yang benar: {problem}", f"not valid YAML: {problem}"),
        Text(
            "perbaiki baris ini: indentasi dengan spasi, titik dua, tanda kutip",
            "correct this line: indent with spaces, look at colons and quotes",
        ),
    )


def items(node: yaml.MappingNode, file: str, found: list[Finding]) -> Iterator[tuple[str, int, yaml.Node]]:
    """Key, line and value of each pair of a mapping; a key that stands twice, or is no text, is a finding."""
    seen: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            found.append(
                Finding(
                    Place(file, line),
                    "syntax-error",
                    Text("kunci harus berupa teks", "a key must be a text"),
                    Text("tulis kunci sebagai satu kata", "write the key as one word"),
                )
            )
        elif key.value in seen:
            found.append(
                Finding(
                    Place(file, line),
                    "doubled-key",
                    Text(
                        f"`{key.value}` sudah ada di baris {seen[key.value]}",
                        f"`{key.value}` stands in line {seen[key.value]} already",
                    ),
                    Text("hapus salah satu", "remove one of the two"),
                )
            )
        else:
            seen[key.value] = line
            yield key.value, line, value
