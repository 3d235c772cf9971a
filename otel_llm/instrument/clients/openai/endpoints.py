"""The instrumented endpoints of the API by path."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from otel_llm.instrument.clients.openai.batches import BATCHES
from otel_llm.instrument.clients.openai.chat import CHAT
from otel_llm.instrument.clients.openai.completions import COMPLETIONS
from otel_llm.instrument.clients.openai.embeddings import EMBEDDINGS
from otel_llm.instrument.clients.openai.images import IMAGE_EDITS, IMAGE_GENERATIONS, IMAGE_VARIATIONS
from otel_llm.instrument.clients.openai.moderations import MODERATIONS
from otel_llm.instrument.clients.openai.responses import RESPONSES
from otel_llm.instrument.clients.openai.speech import SPEECH
from otel_llm.instrument.clients.openai.transcriptions import TRANSCRIPTIONS, TRANSLATIONS
from otel_llm.instrument.contract.data import Endpoint

ENDPOINTS: Final[Mapping[str, Endpoint]] = MappingProxyType(
    {
        "/chat/completions": CHAT,
        "/responses": RESPONSES,
        "/responses/compact": RESPONSES,
        "/completions": COMPLETIONS,
        "/embeddings": EMBEDDINGS,
        "/images/generations": IMAGE_GENERATIONS,
        "/images/edits": IMAGE_EDITS,
        "/images/variations": IMAGE_VARIATIONS,
        "/audio/speech": SPEECH,
        "/audio/transcriptions": TRANSCRIPTIONS,
        "/audio/translations": TRANSLATIONS,
        "/moderations": MODERATIONS,
        "/batches": BATCHES,
    }
)
