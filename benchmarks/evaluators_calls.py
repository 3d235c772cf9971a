"""What `evaluators.py` measures with: sentences of the evaluators' own cases, in texts of calls' lengths."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

from otel_llm.evaluate.definition.installed import evaluator_manifests
from otel_llm.evaluate.engine.sentences import passages, sentences
from otel_llm.genai.call import Call, Message, Part

_SEED: Final = 20
_SENTENCES: Final = (1, 1, 1, 2, 2, 4, 8)  # of a text: mostly short, some long
_MESSAGES: Final = 1000  # characters of one call: 300 of its input, the rest its output
_DOCUMENTS: Final = (4, 500)  # how many, characters of each
_NEAREST: Final = 2  # context windows that a sentence of the answer is compared with, here and there


@cache
def _material() -> tuple[str, ...]:
    found: dict[str, None] = {}
    for name in ("groundedness", "toxicity"):
        folder = next(manifest.folder for manifest in evaluator_manifests() if manifest.name == name)
        for line in (folder / "cases.jsonl").read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            texts = (*case.get("documents", ()), case.get("output") or "")
            found.update((text, None) for text in texts if 0 < len(text.strip()) <= 400)
    return tuple(found)


def mixed(count: int) -> list[str]:
    """Return texts of one to eight sentences, numbered, so that no two are the same."""
    choose = random.Random(_SEED)
    return [
        f"{number}. {' '.join(choose.choices(_material(), k=choose.choice(_SENTENCES)))}"
        for number in range(count)
    ]


def long(count: int) -> list[str]:
    """Return texts of more than 128 tokens, each of other sentences in another order."""
    choose = random.Random(_SEED)
    return [_characters(choose, 1000) for _ in range(count)]


def one_call(number: int) -> dict[str, Any]:
    """Return one call's texts: 1 kB of messages, 2 kB of context; `pairs` is what a cross-encoder is asked."""
    choose = random.Random(_SEED + number)
    documents = [_characters(choose, _DOCUMENTS[1]) for _ in range(_DOCUMENTS[0])]
    output = _characters(choose, _MESSAGES - 300)
    windows = [
        document[span.start : span.end]
        for document in documents
        for span in passages(document, max_sentences=3, max_characters=500)
    ]
    pairs = [
        (output[span.start : span.end], window)
        for span in sentences(output)
        for window in choose.sample(windows, min(_NEAREST, len(windows)))
    ]
    return {"input": _characters(choose, 300), "output": output, "documents": documents, "pairs": pairs}


def as_call(texts: dict[str, Any], number: int) -> Call:
    return Call(
        trace_id=f"{number:032x}",
        span_id=f"{number:016x}",
        service="benchmark",
        operation="chat",
        provider="none",
        request_model="none",
        input=(Message("user", (Part("text", texts.get("input", "")),)),),
        output=(Message("assistant", (Part("text", texts["output"]),)),),
        documents=tuple(texts.get("documents", ())),
        start_ns=0,
        duration_s=0,
    )


def _characters(choose: random.Random, count: int) -> str:
    return " ".join(_words(choose, choose.sample(_material(), len(_material())), count))


def _words(choose: random.Random, material: Sequence[str], count: int) -> Iterator[str]:
    """Yield whole sentences, and at the end a part of one, of `count` characters when joined."""
    left = count
    for sentence in material * (1 + count // max(1, sum(map(len, material)))):
        if left <= 0:
            return
        yield sentence[:left]
        left -= len(sentence) + 1
