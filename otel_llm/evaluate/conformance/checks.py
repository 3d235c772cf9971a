"""The checks that every evaluator passes, whatever its kind and whoever made it.

`check(evaluator, encoder)` returns the faults of one; `otel-llm models check` and the tests call it.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from typing import Final

from otel_llm.evaluate.conformance.cases import Case, read_cases
from otel_llm.evaluate.definition.evaluator import Evaluator
from otel_llm.evaluate.definition.result import Result
from otel_llm.evaluate.engine.encoder import Encoder
from otel_llm.genai.call import Call

_LEAST_CASES: Final = 30
_LEAST_OF_EACH: Final = 10
_MOST_WINDOWS: Final = 200
"""Windows that an evaluator may ask the encoder for, for one call."""
_MOST_CPU_S: Final = 2.0
"""Seconds of processor time for one call. A busy machine takes several times as long, and the service gives up a
call after `evaluate.timeout_s`."""
_MOST_CPU_OF_WEIGHTS_S: Final = 10.0
"""Seconds of processor time for one call of an evaluator that runs a whole model over each window."""
_TRIES: Final = 3
"""Number of tries, of which one must end in time: the processor may be slow for a moment."""
_LONG_CHARACTERS: Final = 10_000_000
_ODD: Final = (
    "a",
    "🎉",
    "\x00\x07\x1b[31m",
    "\ufffd\ufffd",  # the service replaces a lone surrogate by this
    "\u202e\u200d\u0301\ufeff",
    "¿Dónde está la biblioteca? 図書館は九時に開く。",
    "مرحبا بالعالم. שלום עולם. สวัสดีชาวโลก. नमस्ते दुनिया.",
    "<script>alert(1)</script>" * 3,
    "=" * 5000,
    "." * 5000,
    "x" * 5000,
    "\n".join("| a | b |" for _ in range(50)),
    '{"a": [1, 2, {"b": null}]}',
)


class Subject:
    """An evaluator under check, with its cases and the shared encoder."""

    def __init__(self, evaluator: Evaluator, encoder: Encoder) -> None:
        self.evaluator = evaluator
        self.manifest = evaluator.manifest
        self.encoder = encoder

    @cached_property
    def cases(self) -> list[Case]:
        """The folder's cases."""
        return read_cases(self.manifest.folder)

    @cached_property
    def outcomes(self) -> list[tuple[Case, list[Result]]]:
        """Each case with its results, evaluated alone."""
        return [(case, self.results(call)) for case, call in zip(self.cases, self.calls, strict=True)]

    @cached_property
    def calls(self) -> list[Call]:
        """The cases as calls."""
        return [case.call(number) for number, case in enumerate(self.cases, start=1)]

    def results(self, call: Call) -> list[Result]:
        """Return the evaluator's results on one call by itself."""
        return self.evaluator.evaluate(call, self.encoder.encode(self.evaluator.texts(call)))


Check = Callable[[Subject], Iterator[str]]
"""A function that yields the faults of the subject."""


def check(evaluator: Evaluator, encoder: Encoder) -> list[str]:
    """Return the faults of an evaluator; an empty list for a good one."""
    subject = Subject(evaluator, encoder)
    return [fault for each in CHECKS for fault in faults(each, subject)]


def faults(one: Check, subject: Subject) -> list[str]:
    """Return the faults that one check finds; an exception is a fault, too."""
    name = f"{subject.manifest.name}: {one.__name__.replace('_', ' ')}"
    try:
        return [f"{name}: {fault}" for fault in one(subject)]
    except Exception as error:  # an evaluator may raise anything
        return [f"{name}: {error!r}"]


def cases_come_out_right(subject: Subject) -> Iterator[str]:
    """Each case's targets get the case's labels."""
    for case, results in subject.outcomes:
        labels = {result.target: result.label for result in results}
        if labels != case.labels:
            scores = [result.score for result in results]
            yield f"{_shown(case.call())}: must be {case.labels}, got {labels} with scores {scores}"


def cases_are_enough(subject: Subject) -> Iterator[str]:
    """There are cases of both labels."""
    labels = [label for case in subject.cases for label in case.labels.values()]
    if len(subject.cases) < _LEAST_CASES:
        yield f"cases.jsonl must hold at least {_LEAST_CASES}, got {len(subject.cases)}"
    for label in ("fail", "pass"):
        if labels.count(label) < _LEAST_OF_EACH:
            yield f"at least {_LEAST_OF_EACH} must be {label}, got {labels.count(label)}"


def the_model_card_is_of_this_version(subject: Subject) -> Iterator[str]:
    """The model card describes the manifest's version."""
    path = subject.manifest.folder / "MODEL_CARD.md"
    wanted = f"version {subject.manifest.version}"
    if not path.is_file():
        yield f"{path}: is missing"
    elif wanted not in path.read_text(encoding="utf-8"):
        yield f"{path}: must say {wanted!r}"


def without_texts_nothing_applies(subject: Subject) -> Iterator[str]:
    """A call without content is not applicable, not an error."""
    for call in (Case(labels={}).call(), Case(input=" ", output="\n", labels={}).call()):
        results = subject.results(call)
        yield from _misshapen(subject, call, results)
        if {result.label for result in results} != {"not_applicable"}:
            yield f"{_shown(call)}: must be not_applicable, got {[result.label for result in results]}"


def odd_texts_are_taken(subject: Subject) -> Iterator[str]:
    """Any text gets a score, in any script and however short."""
    for text in _ODD:
        case = Case(
            input=text,
            output=text,
            documents=("", text, "The library opens at 9."),
            choices=(text, "Yes."),
            logprobs=(-0.1, 0.0, -50.0),
            tool_results=(text,),
            labels={},
        )
        yield from _misshapen(subject, case.call(), subject.results(case.call()))


def work_is_bounded(subject: Subject) -> Iterator[str]:
    """A call of tens of megabytes asks the encoder for a bounded number of windows, and ends in time."""
    text = _long_text()
    case = Case(input=text, output=text, documents=(text,) * 3, choices=(text,), tool_results=(text,), labels={})
    call = case.call()
    encodings = subject.encoder.encode(subject.evaluator.texts(call))
    windows = sum(len(encoding.windows) for encoding in encodings.values())
    if windows >= _MOST_WINDOWS:
        yield f"must ask for less than {_MOST_WINDOWS} windows, got {windows}"
    whole = subject.manifest.has_whole_model  # a whole model caches its windows: a second try would always be fast
    most_s, tries = (_MOST_CPU_OF_WEIGHTS_S, 1) if whole else (_MOST_CPU_S, _TRIES)
    spent_s = math.inf
    for _ in range(tries):
        started = time.process_time()  # of all threads; other processes do not count
        list(subject.evaluator.texts(call))
        results = subject.evaluator.evaluate(call, encodings)
        spent_s = min(spent_s, time.process_time() - started)
        if spent_s <= most_s:
            break
    else:
        yield f"must end within {most_s} s of processor time, got {spent_s:.1f} s"
    yield from _misshapen(subject, call, results)


def results_are_the_same_in_any_company(subject: Subject) -> Iterator[str]:
    """A call's results depend on the call alone, and are the same the second time."""
    texts = [text for call in subject.calls for text in subject.evaluator.texts(call)]
    together = subject.encoder.encode(texts)
    for call, (_, alone) in zip(subject.calls, subject.outcomes, strict=True):
        if subject.evaluator.evaluate(call, together) != alone:
            yield f"{_shown(call)}: differs beside other calls, or the second time"


def results_are_one_for_each_target(subject: Subject) -> Iterator[str]:
    """Each case has well-formed results, with the ids that make them idempotent."""
    for call, (_, results) in zip(subject.calls, subject.outcomes, strict=True):
        yield from _misshapen(subject, call, results)


def explanations_come_with_fail_and_partial(subject: Subject) -> Iterator[str]:
    """A result of fail or partial has an explanation; other results have none."""
    for case, results in subject.outcomes:
        for result in results:
            if bool(result.explanation) != (result.label in {"fail", "partial"}):
                yield f"{_shown(case.call())}: {result.label} with explanation {result.explanation!r}"


CHECKS: Final[tuple[Check, ...]] = (
    cases_come_out_right,
    cases_are_enough,
    the_model_card_is_of_this_version,
    without_texts_nothing_applies,
    odd_texts_are_taken,
    work_is_bounded,
    results_are_the_same_in_any_company,
    results_are_one_for_each_target,
    explanations_come_with_fail_and_partial,
)


@cache
def _long_text() -> str:
    """Return a text that is longer than evaluators read."""
    vocabulary = ["library", "opens", "costs", "euros", "day.", "It", "never", "12", "Dr. Weber", "+43 1 58858"]
    words = random.Random(1).choices(vocabulary, k=_LONG_CHARACTERS // 6)  # noqa: S311 - the same text each time
    return " ".join(words)[:_LONG_CHARACTERS]


def _misshapen(subject: Subject, call: Call, results: list[Result]) -> Iterator[str]:
    """Yield the faults of results that are wrong for any call."""
    manifest = subject.manifest
    ids = [
        f"{call.trace_id}-{call.span_id}-{manifest.name}-{manifest.version}-{each}" for each in manifest.targets
    ]
    if [result.id for result in results] != ids:
        yield f"{_shown(call)}: must give results with the ids {ids}, got {[result.id for result in results]}"
    for result in results:
        outcome = f"{_shown(call)}: {result.target}: {result.label!r} with score {result.score}"
        if result.label not in {"pass", "partial", "fail", "not_applicable"}:
            yield f"{outcome}: the label must be pass, partial, fail or not_applicable"
        elif (result.score is None) != (result.label == "not_applicable"):
            yield f"{outcome}: there must be a score unless it is not applicable"
        elif result.score is not None and not 0 <= result.score <= 1:
            yield f"{outcome}: the score must be from 0 to 1"
        elif result.score is not None and manifest.is_fail(result.score) != (result.label == "fail"):
            yield f"{outcome}: it must fail {manifest.fails} {manifest.threshold}"


def _shown(call: Call) -> str:
    text = repr(call.output_text or call.input_text)
    return text if len(text) <= 80 else f"{text[:79]}…"
