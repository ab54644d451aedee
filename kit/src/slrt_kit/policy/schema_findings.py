"""What a validator's error means to whoever wrote the file, and what they can do about it, in both languages."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import jsonschema_rs
import orjson

from slrt_kit.policy.findings import Finding, Place
from slrt_kit.problems import Text

Path = tuple[str | int, ...]

_LANGUAGES: Final = frozenset({"id", "en"})
_SHOWN: Final = 60
_TYPES: Final[Mapping[str, Text]] = {
    "object": Text("pasangan `kunci: nilai`", "mapping of keys to values"),
    "array": Text("daftar", "list"),
    "string": Text("teks", "text"),
    "integer": Text("bilangan bulat", "integer"),
    "number": Text("bilangan", "number"),
    "boolean": Text("boolean (true atau false)", "boolean (true or false)"),
    "null": Text("kosong", "null"),
}
_WRITTEN: Final[Mapping[str, Text]] = {
    "object": Text("tulis `kunci: nilai`, menjorok di bawahnya", "write `key: value`, indented below it"),
    "array": Text("tulis daftar: [a, b]", "write a list: [a, b]"),
    "string": Text("tulis sebagai teks", "write it as text"),
    "integer": Text("tulis angka saja tanpa kutip, misalnya 3", "write digits alone without quotes, such as 3"),
    "number": Text("tulis angka tanpa kutip, misalnya 0.8", "write a number without quotes, such as 0.8"),
    "boolean": Text("tulis true atau false, tanpa kutip", "write true or false, without quotes"),
}
_LIMITS: Final[Mapping[str, Callable[[Any], Text]]] = {
    "minimum": lambda n: Text(f"paling sedikit {n}", f"it must be {n} or more"),
    "maximum": lambda n: Text(f"paling banyak {n}", f"it must be {n} or less"),
    "exclusiveMinimum": lambda n: Text(f"harus lebih dari {n}", f"it must be more than {n}"),
    "exclusiveMaximum": lambda n: Text(f"harus kurang dari {n}", f"it must be less than {n}"),
    "minLength": lambda n: Text(f"paling sedikit {n} huruf", f"it must have {n} characters or more"),
    "maxLength": lambda n: Text(f"paling banyak {n} huruf", f"it must have {n} characters or less"),
    "minItems": lambda n: Text(f"paling sedikit {n} butir", f"it must list {n} or more"),
    "maxItems": lambda n: Text(f"paling banyak {n} butir", f"it must list {n} or less"),
    "minProperties": lambda n: Text(f"paling sedikit {n} kunci", f"it must have {n} key or more"),
    "maxProperties": lambda n: Text(f"paling banyak {n} kunci", f"it must have {n} key and no more"),
}
_FORMATS: Final[Mapping[str, Text]] = {
    "date": Text(
        "tulis tanggal yang ada sebagai TTTT-BB-HH, misalnya 2027-01-31",
        "write a day that exists as YYYY-MM-DD, such as 2027-01-31",
    ),
}


def findings_of_error(
    error: jsonschema_rs.ValidationError, places: Mapping[Path, Place], schema: Mapping[str, Any]
) -> Iterator[Finding]:
    """The findings of one error; ``schema`` is the whole of what the value was judged by."""
    path: Path = tuple(error.instance_path)
    keyword = _keyword(error)
    name, said = ".".join(str(part) for part in path) or "entry", _Said(error.kind)
    place = _place(places, path)
    if keyword in ("additionalProperties", "unevaluatedProperties"):
        for unknown in said.unexpected:
            yield Finding(
                _place(places, (*path, unknown)),
                "unknown-key",
                Text(f"`{unknown}` tidak dikenal di sini", f"`{unknown}` is not known here"),
                Text("periksa ejaannya atau hapus", "look at its spelling, or remove it"),
            )
    elif keyword == "required":
        yield _missing(place, name, said.property, is_entry=not path)
    elif keyword == "minLength" and (language := _language_of(path)) is not None:
        yield missing_translation(place, ".".join(str(part) for part in path if part != language), language)
    elif keyword == "type":
        yield _wrong_type(place, name, error.instance, said.types)
    elif keyword in ("enum", "const"):
        listed = ", ".join(str(each) for each in said.options)
        value = _shown(error.instance)
        yield Finding(
            place,
            "unknown-code",
            Text(f"`{name}` bernilai {value}, kode yang tidak dikenal", f"`{name}` is {value}, a code nobody knows"),
            Text(f"pakai salah satu: {listed}", f"use one of: {listed}"),
        )
    elif keyword in ("oneOf", "anyOf"):
        yield _one_of(place, schema, tuple(error.schema_path))
    elif said.is_never:
        yield Finding(
            place,
            "unknown-key",
            Text(f"`{name}` tidak berlaku pada entri semacam ini", f"`{name}` has no place in an entry of this sort"),
            Text("hapus, atau pindahkan ke entrinya sendiri", "remove it, or move it to an entry of its own"),
        )
    else:
        yield _wrong_value(place, name, error.instance, keyword, said, _at(schema, tuple(error.schema_path)[:-1]))


def _missing(place: Place, name: str, missing: str, *, is_entry: bool) -> Finding:
    if missing in _LANGUAGES and not is_entry:
        return missing_translation(place, name, missing)
    within = Text("", "") if is_entry else Text(f" dalam `{name}`", f" in `{name}`")
    return Finding(
        place,
        "incomplete-entry",
        Text(f"`{missing}` tidak ada{within.id}", f"`{missing}` is missing{within.en}"),
        Text(
            f"tambahkan `{missing}`; entri boleh tidak lengkap hanya bila lapisan di atasnya memilikinya",
            f"add `{missing}`; an entry may leave fields out only where a layer above has that entry",
        ),
    )


def _wrong_type(place: Place, name: str, value: Any, types: Sequence[str]) -> Finding:
    known = [_TYPES[each] for each in types if each in _TYPES]
    shown = _shown(value)
    return Finding(
        place,
        "wrong-type",
        Text(
            f"`{name}` bernilai {shown}, bukan {' atau '.join(each.id for each in known)}",
            f"`{name}` is {shown}, which is no {' or '.join(each.en for each in known)}",
        ),
        _WRITTEN.get(next(iter(types), ""), Text("periksa nilainya", "look at the value")),
    )


def _one_of(place: Place, schema: Mapping[str, Any], path: Path) -> Finding:
    """An entry that must be of one sort: by what it has, or has not."""
    sorts = [each.get("required", ()) for each in _at(schema, path) or () if isinstance(each, Mapping)]
    listed = [", ".join(f"`{name}`" for name in each) for each in sorts if each]
    return Finding(
        place,
        "wrong-value",
        Text(
            f"entri ini harus punya salah satu: {' atau '.join(listed)}",
            f"the entry must have one of: {' or '.join(listed)}",
        ),
        Text("tulis yang satu, tanpa yang lain", "write the one, without the other"),
    )


def _wrong_value(place: Place, name: str, value: Any, keyword: str, said: "_Said", schema: Any) -> Finding:
    shown = _shown(value)
    examples = schema.get("examples", ()) if isinstance(schema, Mapping) else ()
    listed = ", ".join(each if isinstance(each, str) else _shown(each) for each in examples)
    if keyword in _LIMITS:
        limit = _LIMITS[keyword](said.limit)
        what = Text(f"`{name}` bernilai {shown}: {limit.id}", f"`{name}` is {shown}: {limit.en}")
        remedy = Text("perbaiki nilainya", "correct the value")
    elif keyword == "uniqueItems":
        what = Text(f"`{name}` menyebut hal yang sama dua kali", f"`{name}` names the same thing twice")
        remedy = Text("hapus salah satu", "remove one of the two")
    elif keyword == "format" and said.format in _FORMATS:
        what = Text(f"`{name}` bernilai {shown}, bukan tanggal", f"`{name}` is {shown}, which is no date")
        remedy = _FORMATS[said.format]
    else:
        what = Text(
            f"`{name}` bernilai {shown}: bentuknya tidak benar", f"`{name}` is {shown}: it does not have the right form"
        )
        remedy = Text("lihat halaman rujukan kebijakan", "see the reference page of policies")
    if listed:
        remedy = Text(f"tulis misalnya {listed}", f"write such as {listed}")
    return Finding(place, "wrong-value", what, remedy)


def missing_translation(place: Place, name: str, language: str) -> Finding:
    """A text that is there in one language alone."""
    return Finding(
        place,
        "missing-translation",
        Text(f"`{name}` tidak punya teks bahasa {language}", f"`{name}` has no text in {language}"),
        Text(f"tambahkan `{language}`", f"add `{language}`"),
    )


def blank_translations(value: Any, places: Mapping[Path, Place], path: Path = ()) -> Iterator[Finding]:
    """The texts that are of blanks alone: a schema takes them for words."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from blank_translations(inner, places, (*path, name))
    elif isinstance(value, str) and value and not value.strip() and (language := _language_of(path)) is not None:
        yield missing_translation(
            _place(places, path), ".".join(str(part) for part in path if part != language), language
        )


def _language_of(path: Path) -> str | None:
    """The language that a value is in: that of a text by itself, or of what holds it."""
    return next((str(part) for part in path[1:] if part in _LANGUAGES), None)


class _Said:
    """What a validator's error knows beside its text; each kind of error has other attributes."""

    def __init__(self, kind: Any) -> None:
        self.unexpected: Sequence[str] = getattr(kind, "unexpected", ())
        self.property = str(getattr(kind, "property", "?"))
        self.types: Sequence[str] = sorted(getattr(kind, "types", ()))
        self.options: Sequence[Any] = getattr(kind, "options", None) or [getattr(kind, "expected_value", "")]
        self.limit: Any = getattr(kind, "limit", "?")
        self.format = str(getattr(kind, "format", ""))
        self.is_never = getattr(kind, "name", "") == "falseSchema"


def _keyword(error: jsonschema_rs.ValidationError) -> str:
    """The keyword that was not met: the last name of the schema's path."""
    named = [part for part in error.schema_path if isinstance(part, str)]
    return named[-1] if named else ""


def _at(schema: Any, path: Path) -> Any:
    """What a schema says at a path, references followed already; None where it says nothing there."""
    for part in path:
        if isinstance(schema, Mapping):
            schema = schema.get(part)
        elif isinstance(schema, list) and isinstance(part, int) and part < len(schema):
            schema = schema[part]
        else:
            return None
    return schema


def _shown(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _place(places: Mapping[Path, Place], path: Path) -> Place:
    while path and path not in places:
        path = path[:-1]
    return places[path]
