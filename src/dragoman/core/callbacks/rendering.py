"""Which request a stored callback becomes: what its dialect says, by the kind of its payload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from dragoman.core.callbacks.calling import Render, Rendered, RenderEvent, RenderText
from dragoman.core.messages.model.callbacks import (
    CallbackFacts,
    EventFacts,
    TextFacts,
)
from dragoman.core.messages.model.records import NewCallback

_FACTS = msgspec.json.Decoder(CallbackFacts)


@dataclass(frozen=True, kw_only=True)
class Renderers:
    """What dialects make of callbacks, by the name that a callback carries as its dialect."""

    states: Mapping[str, Render] = field(default_factory=dict)
    texts: Mapping[str, RenderText] = field(default_factory=dict)
    events: Mapping[str, RenderEvent] = field(default_factory=dict)

    def render(self, callback: NewCallback) -> Rendered:
        """The request; raises what a dialect's function raises."""
        payload, url = callback.payload, callback.url
        if isinstance(payload, CallbackFacts):
            return self.states[callback.dialect](url, payload)
        render_text = self.texts.get(callback.dialect)
        if render_text is not None:
            return render_text(url, msgspec.json.decode(payload, type=TextFacts))
        render_event = self.events.get(callback.dialect)
        if render_event is not None:
            return render_event(url, msgspec.json.decode(payload, type=EventFacts))
        return self.states[callback.dialect](url, _FACTS.decode(payload))

    def facts_of(self, callback: NewCallback) -> TextFacts | EventFacts:
        """What a callback about a text or an event tells."""
        assert isinstance(callback.payload, str)
        if callback.dialect in self.texts:
            return msgspec.json.decode(callback.payload, type=TextFacts)
        return msgspec.json.decode(callback.payload, type=EventFacts)
