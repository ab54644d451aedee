"""Facilitators' WhatsApp reports: from the text of a message to draft cases."""

from slrt_intake.reports.model import Evidence, ParsedMessage, ParsedReport
from slrt_intake.reports.parser import MAX_TEXT, ReportParser
from slrt_intake.reports.places import PlaceFinder, PlaceMatch

__all__ = ["MAX_TEXT", "Evidence", "ParsedMessage", "ParsedReport", "PlaceFinder", "PlaceMatch", "ReportParser"]
