"""The configuration of other gateways, read as ours; `dragoman import` writes it."""

from dragoman.importing.plan import Note, Plan, Planned, Source
from dragoman.importing.sources import SOURCES, read_source

__all__ = ["SOURCES", "Note", "Plan", "Planned", "Source", "read_source"]
