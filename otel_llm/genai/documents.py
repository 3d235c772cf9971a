"""Documents in what a retrieval or a tool gave: texts, or objects with a text in them."""

from __future__ import annotations

from typing import Final

from otel_llm.errors import DecodeError
from otel_llm.genai.messages import as_text
from otel_llm.otlp.attributes import load_json

# LangChain, LlamaIndex, the conventions' and other libraries' names for a document's text
_TEXTS: Final = ("page_content", "content", "text", "document")


def read_documents(value: object) -> tuple[str, ...]:
    """Return the texts of a result: of a list one each, of JSON text what it holds; None is no documents.

    A tool may answer anything: objects without a text of a known name are documents as JSON, and a text that looks
    like JSON and is none is a document as it is.
    """
    if isinstance(value, str) and value.startswith(("[", "{", '"')):
        value = _loaded(value)
    items = value if isinstance(value, list) else [value]
    return tuple(text for item in items if (text := _text(item).strip()))


def _loaded(text: str) -> object:
    try:
        return load_json(text, "documents")
    except DecodeError:
        return text


def _text(item: object) -> str:
    if isinstance(item, dict):
        for name in _TEXTS:
            if isinstance(text := item.get(name), str):
                return text
    return as_text(item)
