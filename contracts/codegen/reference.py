"""Write the reference pages: who hears what, the fields of every event, the code lists."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from contracts.codegen.registry import ConsumerSource, TopicSource, group_of, registry_document, types_of
from contracts.codegen.schemas import event_schema

from slrt_contracts import catalogue, codes
from slrt_contracts.catalogue import Label
from slrt_contracts.events import EVENT_TYPES
from slrt_contracts.types import CLASS_KEY, EXTENSIBLE_KEY, LIST_KEY, DataClass

_MARK = "<!-- Written by `make contracts` from contracts/; do not edit. -->"
_DAY_MS = 86_400_000
CLASSES_IN_WORDS: Mapping[str, str] = {
    DataClass.IDENTIFIER: "ids that only their owner can resolve",
    DataClass.CODE: "codes",
    DataClass.REGION: "the district",
    DataClass.AREA: "where an officer works, down to the district",
    DataClass.OFFICE: "offices",
    DataClass.FLAG: "yes or no",
    DataClass.COUNT: "small numbers",
    DataClass.POSITION: "places in a log",
    DataClass.DIGEST: "hashes and signatures",
    DataClass.DATE: "dates of administrative facts",
    DataClass.MOMENT: "times that a machine noted",
}
_PARTNERS = {
    "internal": "none: the services of the suite alone",
    "partner": "those to whom the operator grants it, each under a user of its own",
    "public": "everybody",
}
_LABELS: Mapping[type[codes.Code], Mapping[str, Label]] = {
    codes.Sector: catalogue.SECTORS,
    codes.FunctionCode: catalogue.FUNCTIONS,
    codes.OutcomeCode: catalogue.OUTCOMES,
    codes.ProgrammeCode: {code: programme.label for code, programme in catalogue.PROGRAMMES.items()},
    codes.NeedCode: {code: need.label for code, need in catalogue.NEEDS.items()},
}


def events_page(topics: Sequence[TopicSource]) -> str:
    """Return the page about topics and events."""
    lines = [
        _MARK,
        "# Events",
        "",
        "Every fact that the services tell, where it is told, who hears it and what it carries. Sources: "
        "`contracts/src/slrt_contracts/events/` (events), `contracts/topics/` (topics), `contracts/examples/`.",
        "",
        "## Who hears what",
        "",
        "| Event | Topic | Told by | Heard by |",
        "|---|---|---|---|",
    ]
    firsts = [topic for topic in topics if topic.twin_of is None]
    lines += [_hearing_row(topic, event_type) for topic in firsts for event_type in topic.types]
    lines += ["", "## Who does what with it", "", "| Consumer group | Topic | Acts on | Purpose |", "|---|---|---|---|"]
    lines += [_consumer_row(topic, consumer) for topic in topics for consumer in topic.consumers]
    lines += [
        "",
        "## Who may see what",
        "",
        "A right to read is a right to every event of the topic, whichever of them a reader acts on. No event holds "
        "personal data: whoever needs a name or a number fetches it from the owner by claim check, under an identity "
        "of its own and for a purpose that goes on record.",
        "",
        "| Topic | Audience | Key | Partitions | Kept | May write | May read | What is to be seen |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        _topic_row(topic, entry) for topic, entry in zip(topics, registry_document(topics)["topics"], strict=True)
    ]
    for topic in topics:
        if topic.twin_of is not None:
            same = (
                f"Told of the same events as [{topic.twin_of}](#{topic.twin_of.replace('.', '')}), by and to the same"
            )
            lines += ["", f"## {topic.name}", "", topic.description, "", f"{same} services.", "", *_topic_facts(topic)]
        elif topic.types:
            lines += ["", f"## {topic.name}", "", topic.description, "", *_topic_facts(topic)]
            for event_type in topic.types:
                lines += _event_section(event_type)
    return "\n".join(lines) + "\n"


def codes_page() -> str:
    """Return the page about code lists."""
    lines = [
        _MARK,
        "# Code lists",
        "",
        "An extensible list may gain a value in any release; a reader keeps a value that it does not know. A closed "
        "list changes only with a new major version of the event.",
    ]
    extensible = _extensible_lists()
    for name, body in vars(codes).items():
        if isinstance(body, type) and issubclass(body, codes.Code) and body is not codes.Code:
            kind = "extensible" if name in extensible else "closed"
            lines += ["", f"## {name}", "", f"{inspect.cleandoc(body.__doc__ or '')} *({kind})*", ""]
            lines += _list_table(body)
    lines += ["", "## Attributes of a need", "", "| Name | Values |", "|---|---|"]
    lines += [
        f"| `{name}` | {', '.join(f'`{value}`' for value in codes.AttributeValue if value in values)} |"
        for name, values in catalogue.ATTRIBUTES.items()
    ]
    lines += ["", "## Programmes", "", "| Code | Programme | Sector | Owner's function | Participation |"]
    lines += ["|---|---|---|---|---|"]
    lines += [
        f"| `{row.code}` | {row.label.id} | `{row.sector}` | `{row.function}` | {row.participation} |"
        for row in catalogue.PROGRAMMES.values()
    ]
    return "\n".join(lines) + "\n"


def _hearing_row(topic: TopicSource, event_type: str) -> str:
    heard = [f"`{consumer.name}`" for consumer in topic.consumers if event_type in types_of(consumer, topic)]
    if topic.audience != "internal":
        heard.append("partners")
    return f"| {_link(event_type)} | `{topic.name}` | {', '.join(topic.producers)} | {', '.join(heard) or '–'} |"


def _consumer_row(topic: TopicSource, consumer: ConsumerSource) -> str:
    types = types_of(consumer, topic)
    acts = "every event" if types == topic.types and len(types) > 1 else ", ".join(_link(one) for one in types)
    return f"| `{group_of(consumer)}` | `{topic.name}` | {acts} | {consumer.purpose} |"


def _topic_row(topic: TopicSource, entry: Mapping[str, Any]) -> str:
    write, read = (", ".join(f"`{user}`" for user in entry["acl"][right]) for right in ("write", "read"))
    if entry["audience"] != "internal":
        read += ", partners by grant" if entry["audience"] == "partner" else ", everybody"
    key = f"`{entry['key']}`" if entry["key"] else "as it came"
    cells = (f"`{entry['name']}`", entry["audience"], key, entry["partitions"], _kept(entry), write, read, _seen(topic))
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _topic_facts(topic: TopicSource) -> list[str]:
    """Return who has to do with a topic, for whoever looks up only this one."""
    parts = {
        group_of(consumer): "every event" if consumer.types == "all" else f"{len(consumer.types)} of its events"
        for consumer in topic.consumers
    }
    heard = [f"`{group}` ({part})" for group, part in parts.items()]
    facts = {
        "Owner": topic.owner,
        "Told by": ", ".join(topic.producers),
        "Heard by": ", ".join(heard) or "nobody yet",
        "Partners": _PARTNERS[topic.audience],
        "In order": f"per `{topic.key}`, which is the Kafka key",
        "What is to be seen": _seen(topic),
    }
    return ["| | |", "|---|---|", *(f"| {name} | {words} |" for name, words in facts.items())]


def _kept(entry: Mapping[str, Any]) -> str:
    return "last event of each key" if entry["compacted"] else f"{entry['retention_ms'] / _DAY_MS:g} days"


def _seen(topic: TopicSource) -> str:
    """Return the classes of data in the events of a topic, in words."""
    if not topic.types:
        return "raw bytes, as they came"
    classes = {found for one in topic.types for found in _marks(event_schema(EVENT_TYPES[one]), CLASS_KEY)}
    return ", ".join(words for data_class, words in CLASSES_IN_WORDS.items() if data_class in classes)


def _link(event_type: str) -> str:
    name = EVENT_TYPES[event_type].__name__
    return f"[{name}](#{name.lower()})"


def _event_section(event_type: str) -> list[str]:
    event = EVENT_TYPES[event_type]
    schema = event_schema(event)
    lines = ["", f"### {event.__name__}", "", f"`{event_type}`", "", schema["description"]]
    lines += ["", "| Field | Class | Required | Meaning |", "|---|---|---|---|"]
    lines += _rows(schema, schema.get("$defs", {}), prefix="")
    return lines


def _rows(schema: Mapping[str, Any], parts: Mapping[str, Any], *, prefix: str) -> list[str]:
    lines: list[str] = []
    for field, body in schema["properties"].items():
        value, many = _value(body)
        name = f"{prefix}{field}{'[]' if many else ''}"
        required = "yes" if field in schema.get("required", ()) else "no"
        if "$ref" in value:
            part = parts[value["$ref"].rpartition("/")[2]]
            lines.append(f"| `{name}` | | {required} | {part['description']} |")
            lines += _rows(part, parts, prefix=f"{name}.")
            continue
        meaning = body.get("description") or value["description"]
        if LIST_KEY in value:
            meaning += f" [{value[LIST_KEY]}](codes.md#{value[LIST_KEY].lower()})"
        lines.append(f"| `{name}` | {value[CLASS_KEY]} | {required} | {meaning} |")
    return lines


def _value(body: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """Return the schema of the value itself, past null and list, and whether there may be several."""
    if "anyOf" in body:
        body = next(choice for choice in body["anyOf"] if choice.get("type") != "null")
    return (body["items"], True) if body.get("type") == "array" else (body, False)


def _extensible_lists() -> frozenset[str]:
    """Return the names of the lists that some event field takes as `Open[…]`."""
    return frozenset(
        node[LIST_KEY]
        for event in EVENT_TYPES.values()
        for node in _nodes(event_schema(event))
        if node.get(EXTENSIBLE_KEY)
    )


def _marks(schema: Any, word: str) -> Iterator[str]:
    return (node[word] for node in _nodes(schema) if word in node)


def _nodes(node: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every object of a schema, outermost first."""
    if isinstance(node, dict):
        yield node
    if isinstance(node, dict | list):
        for item in node.values() if isinstance(node, dict) else node:
            yield from _nodes(item)


def _list_table(body: type[codes.Code]) -> list[str]:
    labels = _LABELS.get(body)
    if labels is None:
        return [", ".join(f"`{code.value}`" for code in body)]
    rows = [f"| `{code.value}` | {labels[code].id} | {labels[code].en} |" for code in body]
    return ["| Code | Indonesian | English |", "|---|---|---|", *rows]
