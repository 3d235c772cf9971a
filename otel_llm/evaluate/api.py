"""Everything that the code of an evaluator imports of otel-llm; the example in evaluators/README.md shows how.

Other modules may change with any version; this one changes as Semantic Versioning says. Names that need numpy,
ONNX Runtime or tokenizers are in `_LATE`, and loaded at their first use: an evaluator that runs no model takes no
memory for these libraries. Such an evaluator imports `Encoding`, for its annotations, under `TYPE_CHECKING`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from otel_llm.errors import MissingExtraError, ModelError
from otel_llm.evaluate.definition.evaluator import Evaluator
from otel_llm.evaluate.definition.installed import encoder_manifest
from otel_llm.evaluate.definition.manifest import EvaluatorManifest
from otel_llm.evaluate.definition.result import Label, Read, Result, Target
from otel_llm.evaluate.definition.scoring import error_results, score_result, target_text
from otel_llm.evaluate.definition.span import Piece, Span
from otel_llm.evaluate.definition.target_texts import EvaluatedPart, Place, TargetText, target_texts
from otel_llm.evaluate.engine.excerpts import bounded, shortened
from otel_llm.evaluate.engine.quantities import in_one_form
from otel_llm.evaluate.engine.sentences import passages, sentences
from otel_llm.evaluate.engine.words import Words, coverage, overlap, words
from otel_llm.evaluate.finding.findings import Finder, FinderOptions, Finding, without_overlaps
from otel_llm.evaluate.finding.rules import Rule, Rules, any_of, listed
from otel_llm.evaluate.kinds.loading import load_evaluators
from otel_llm.genai.call import Call, Message, Part
from otel_llm.text.account_numbers import find_cards, find_ibans
from otel_llm.text.check_digits import card, luhn
from otel_llm.text.command_secrets import COMMAND_MARK, find_command_secrets
from otel_llm.text.emails import find_emails
from otel_llm.text.labelled_secrets import SECRET_LABEL, find_labelled_secrets
from otel_llm.text.lookalikes import latin_lookalikes
from otel_llm.text.phones import find_phones
from otel_llm.text.secret_values import entropy, is_placeholder, reads_a_secret
from otel_llm.text.stems import places_of
from otel_llm.text.tables import table_columns

if TYPE_CHECKING:
    from otel_llm.evaluate.conformance.checks import check
    from otel_llm.evaluate.definition.encoding import Encoding, FloatArray, IntArray, Window
    from otel_llm.evaluate.engine.cache import remembering
    from otel_llm.evaluate.engine.encoder import Encoder
    from otel_llm.evaluate.engine.runtime import probe, session
    from otel_llm.evaluate.engine.windows import CHARACTERS_PER_TOKEN, read_of
    from otel_llm.evaluate.kinds.probabilities import in_order, log_odds, probability
    from otel_llm.evaluate.kinds.whole_model import read_tokenizer

_LATE: Final = {
    "CHARACTERS_PER_TOKEN": "engine.windows",
    "Encoder": "engine.encoder",
    "Encoding": "definition.encoding",
    "FloatArray": "definition.encoding",
    "IntArray": "definition.encoding",
    "Window": "definition.encoding",
    "check": "conformance.checks",
    "in_order": "kinds.probabilities",
    "log_odds": "kinds.probabilities",
    "probability": "kinds.probabilities",
    "probe": "engine.runtime",
    "read_of": "engine.windows",
    "read_tokenizer": "kinds.whole_model",
    "remembering": "engine.cache",
    "session": "engine.runtime",
}
"""Names whose module is imported at their first use, below `otel_llm.evaluate`."""

__all__ = [  # noqa: RUF022 - by subject
    # a call, and the evaluator that reads it
    "Call", "Message", "Part", "Evaluator", "EvaluatorManifest", "ModelError", "MissingExtraError",
    # what comes out
    "Label", "Read", "Result", "Target", "error_results", "score_result", "target_text",
    # tool calls and results beside what was said
    "EvaluatedPart", "Place", "TargetText", "target_texts",
    # texts: their sentences, their words
    "Piece", "Span", "Words", "bounded", "coverage", "in_one_form", "latin_lookalikes", "overlap", "passages",
    "sentences", "shortened", "words",
    # values of known form in a text
    "Finder", "FinderOptions", "Finding", "Rule", "Rules", "any_of", "card", "find_cards",
    "find_command_secrets", "find_emails", "find_ibans", "find_labelled_secrets", "find_phones", "listed",
    "luhn", "places_of", "table_columns", "without_overlaps",
    # values that may be secrets
    "COMMAND_MARK", "SECRET_LABEL", "entropy", "is_placeholder", "reads_a_secret",
    # models: the shared encoder's output, ONNX sessions, probabilities
    "CHARACTERS_PER_TOKEN", "Encoding", "FloatArray", "IntArray", "Window", "in_order", "log_odds", "probability",
    "probe", "read_of", "read_tokenizer", "remembering", "session",
    # tests of an evaluator: load it, check it
    "Encoder", "check", "encoder_manifest", "load_evaluators",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"otel_llm.evaluate.{_LATE[name]}"), name)
    globals()[name] = value  # the next access finds the name without this function
    return value
