"""Make the document of a letter: A4, its head, number, words, table, signature block and QR; the same bytes each time.

ReportLab's flow of paragraphs and tables. Every text is escaped before it comes near its markup, and a character that
the font cannot show, or that is written from right to left, is replaced by a box: seen, and never left out.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from io import BytesIO
from threading import Lock
from typing import Any, Final
from xml.sax.saxutils import escape

from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.lib.enums import TA_CENTER, TA_JUSTIFY
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    Flowable,
    HRFlowable,
    KeepTogether,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from slrt_intake.domain.letter_template import NOTHING, long_date
from slrt_kit.policy.letters.wording import filled

_REGULAR, _BOLD = "DejaVuSans", "DejaVuSans-Bold"
_BOX: Final = "\u25a1"
_FROM_RIGHT: Final = frozenset(("R", "AL", "AN", "RLE", "RLO", "RLI", "LRE", "LRO", "LRI", "PDF", "PDI"))
_QR_MM: Final = 36
_MARGIN: Final = 22 * mm
# Fonts keep what a document has used of them: one document at a time.
_ONE_AT_A_TIME: Final = Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterPaper:
    """What is printed. ``content`` is that of `Letter`; a draft has neither ``number`` nor ``check_url``."""

    content: Mapping[str, Any]
    number: str | None
    signed_on: date | None
    valid_until: date | None
    initials: Sequence[str]
    check_url: str | None


def render(paper: LetterPaper) -> bytes:
    """The PDF of a letter. Pure but for the fonts: equal papers are equal bytes."""
    with _ONE_AT_A_TIME:
        return _render(paper)


def printable(text: str) -> str:
    """The text as the font can show it, a box for each character that it cannot."""
    shown = _glyphs()
    return "".join(
        each
        if ord(each) in shown
        and unicodedata.bidirectional(each) not in _FROM_RIGHT
        and unicodedata.category(each) not in ("Cc", "Cf")
        else (" " if each in "\n\t\r" else _BOX)
        for each in unicodedata.normalize("NFC", text)
    )


@cache
def _glyphs() -> frozenset[int]:
    folder = resources.files("slrt_intake").joinpath("fonts")
    faces = {}
    for name in (_REGULAR, _BOLD):
        with resources.as_file(folder.joinpath(f"{name}.ttf")) as path:
            faces[name] = TTFont(name, str(path))
            pdfmetrics.registerFont(faces[name])
    return frozenset.intersection(*(frozenset(font.face.charToGlyph) for font in faces.values()))


def _render(paper: LetterPaper) -> bytes:
    _glyphs()
    written = BytesIO()
    content = paper.content
    document = SimpleDocTemplate(
        written,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=16 * mm,
        bottomMargin=20 * mm,
        title=printable(content["title"]),
        author="SLRT",
        invariant=1,
    )
    late = {
        "date": NOTHING if paper.signed_on is None else long_date(paper.signed_on),
        "valid_until": NOTHING if paper.valid_until is None else long_date(paper.valid_until),
    }
    values = {name: printable(text) for name, text in {**content["values"], **late}.items()}

    def on_page(canvas: Canvas, _document: object) -> None:
        _footer(canvas, paper)

    document.build(_story(paper, values), onFirstPage=on_page, onLaterPages=on_page)
    return written.getvalue()


def _style(**more: Any) -> ParagraphStyle:
    usual: dict[str, Any] = {
        "fontName": _REGULAR,
        "fontSize": 10.5,
        "leading": 15,
        "spaceAfter": 6,
        "splitLongWords": 1,
    }
    return ParagraphStyle("letter", **(usual | more))


def _words(text: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(escape(text), style)


def _story(paper: LetterPaper, values: Mapping[str, str]) -> list[Any]:
    content, plain, justified = paper.content, _style(), _style(alignment=TA_JUSTIFY)
    middle = _style(alignment=TA_CENTER, spaceAfter=0)
    title = _style(alignment=TA_CENTER, fontName=_BOLD, fontSize=12, spaceAfter=0, leading=17)

    def put(texts: Sequence[str]) -> list[Any]:
        return [_words(filled(text, values), justified) for text in texts]

    head = [_words(filled(line, values).upper(), title) for line in content["head"]]
    if content["contact"]:
        head.append(_words(printable(content["contact"]), _style(alignment=TA_CENTER, fontSize=8.5, spaceAfter=0)))
    number = "(belum bernomor)" if paper.number is None else paper.number
    return [
        *head,
        Spacer(1, 2 * mm),
        HRFlowable(width="100%", thickness=1.2, color="black"),
        Spacer(1, 6 * mm),
        _words(filled(content["title"], values).upper(), title),
        _words(f"Nomor: {number}", middle),
        Spacer(1, 7 * mm),
        *put(content["opening"]),
        *_table(content["rows"], plain),
        *put(content["body"]),
        *put(content["closing"]),
        Spacer(1, 6 * mm),
        KeepTogether([_signature(paper, values)]),
    ]


def _table(rows: Sequence[Sequence[str]], plain: ParagraphStyle) -> list[Any]:
    if not rows:
        return []
    narrow = _style(spaceAfter=0)
    lines: list[list[Any]] = []
    for label, value in rows:
        # A row is never taller than a page: what is longer goes on in the next one.
        for place, part in enumerate(_parts(printable(value))):
            first = place == 0
            lines.append(
                [_words(printable(label) if first else "", narrow), ":" if first else "", _words(part, narrow)]
            )
    table = Table(lines, colWidths=[48 * mm, 4 * mm, A4[0] - 2 * _MARGIN - 52 * mm])
    table.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("FONT", (0, 0), (-1, -1), _REGULAR, plain.fontSize),
                ("LEFTPADDING", (0, 0), (-1, -1), 2),
                ("RIGHTPADDING", (0, 0), (-1, -1), 2),
                ("TOPPADDING", (0, 0), (-1, -1), 1),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
            ]
        )
    )
    return [table, Spacer(1, 4 * mm)]


_LONGEST_ROW: Final = 1200


def _parts(text: str) -> list[str]:
    return [text[at : at + _LONGEST_ROW] for at in range(0, len(text), _LONGEST_ROW)] or [NOTHING]


def _signature(paper: LetterPaper, values: Mapping[str, str]) -> Table:
    content = paper.content
    small = _style(fontSize=7.5, leading=10, spaceAfter=0)
    middle, strong = (
        _style(alignment=TA_CENTER, spaceAfter=0),
        _style(alignment=TA_CENTER, spaceAfter=0, fontName=_BOLD),
    )
    left: list[Any] = []
    if paper.check_url is not None:
        left = [_Qr(paper.check_url, _QR_MM * mm), _words("Pindai untuk memeriksa keaslian surat ini.", small)]
    if paper.initials:
        left.append(_words("Paraf: " + ", ".join(printable(each) for each in paper.initials), small))
    right: list[Any] = []
    signed = content.get("signed")
    if signed is not None and paper.signed_on is not None:
        right.append(_words(f"{filled(content['signed_in'], values)}, {long_date(paper.signed_on)}", middle))
    right += [_words(printable(content["signer"]).capitalize(), middle), Spacer(1, 20 * mm)]
    if signed is not None:
        right.append(_words(printable(signed["name"]), strong))
        if signed["number"]:
            right.append(_words(f"NIP {printable(signed['number'])}", middle))
    table = Table([[left, right]], colWidths=[76 * mm, A4[0] - 2 * _MARGIN - 76 * mm])
    table.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (0, 0), 0)]))
    return table


class _Qr(Flowable):
    """A QR as one path: a shape for each of its thousand modules takes longer than the rest of the letter."""

    _QUIET = 4
    """Modules of white around it (ISO/IEC 18004)."""

    def __init__(self, url: str, size: float) -> None:
        super().__init__()
        self.width = self.height = size
        widget: Any = QrCodeWidget(url, barLevel="M")  # its types do not know its own encoder
        self._code = widget.qr
        self._code.make()

    def draw(self) -> None:
        count = self._code.getModuleCount()
        side = self.width / (count + 2 * self._QUIET)
        path = self.canv.beginPath()
        for row in range(count):
            for column in range(count):
                if self._code.isDark(row, column):
                    path.rect((column + self._QUIET) * side, (count - 1 - row + self._QUIET) * side, side, side)
        self.canv.drawPath(path, stroke=0, fill=1)


def _footer(canvas: Canvas, paper: LetterPaper) -> None:
    canvas.saveState()
    canvas.setFont(_REGULAR, 7.5)
    canvas.drawRightString(A4[0] - _MARGIN, 11 * mm, f"Halaman {canvas.getPageNumber()}")
    if paper.number is None:
        canvas.drawString(_MARGIN, 11 * mm, "DRAF - belum ditandatangani, tidak berlaku")
        canvas.setFont(_BOLD, 90)
        canvas.setFillGray(0.88)
        canvas.translate(A4[0] / 2, A4[1] / 2)
        canvas.rotate(45)
        canvas.drawCentredString(0, 0, "DRAF")
    else:
        canvas.drawString(_MARGIN, 11 * mm, f"Nomor {paper.number}")
    canvas.restoreState()
