"""The columns of the conformance tables: what is checked of each form, and the word for what was seen."""

from collections.abc import Callable
from typing import Any

import pytest
from form import Form
from form_lab import Run
from form_reading import raw, whole
from opentelemetry.trace import SpanKind, StatusCode
from subject import Subject

from otel_llm import names

NONE = "\N{EN DASH}"
CONTENT = {names.INPUT_MESSAGES, names.OUTPUT_MESSAGES, names.SYSTEM_INSTRUCTIONS, names.TOOL_DEFINITIONS}
Runs = Callable[[str], Run]
"""Gives the run of one behaviour, of one form and way."""
Column = Callable[[Subject, Form, Runs], str]
"""Checks what was seen, and gives the word for it: a cell of the table."""


def attributes_of(run: Run) -> dict[str, Any]:
    return dict(run.span.attributes)


def ended_well(run: Run) -> bool:
    return run.span.status.status_code is StatusCode.UNSET and names.ERROR_TYPE not in run.span.attributes


def span(subject: Subject, form: Form, runs: Runs) -> str:
    run = runs("recorded")
    assert (run.span.name, run.span.kind) == (form.name, SpanKind.CLIENT)
    assert ended_well(run)
    provider = attributes_of(run)[names.PROVIDER]
    assert provider == (form.server or subject.provider)
    name = f"`{run.span.name.replace('scripted', '{model}')}`"
    return name if provider == subject.provider else f"{name} of `{provider}`"


def tokens(_: Subject, form: Form, runs: Runs) -> str:
    attributes = attributes_of(runs("recorded"))
    counted = attributes.get(names.USAGE_INPUT_TOKENS), attributes.get(names.USAGE_OUTPUT_TOKENS)
    assert counted == form.tokens
    return {(True, True): "yes", (True, False): "input", (False, False): NONE}[
        counted[0] is not None, counted[1] is not None
    ]


def cost(_: Subject, form: Form, runs: Runs) -> str:
    paid = attributes_of(runs("recorded")).get(names.USAGE_COST)
    if form.tokens == (None, None):
        assert paid is None
        return NONE
    asked, answered = form.tokens
    assert paid == pytest.approx((asked * 1 + (answered or 0) * 2) / 1e6)
    return "yes"


def finish_reason(_: Subject, form: Form, runs: Runs) -> str:
    reasons = attributes_of(runs("recorded")).get(names.RESPONSE_FINISH_REASONS, ())
    assert reasons == form.finish
    return ", ".join(f"`{reason}`" for reason in reasons) or NONE


def first_chunk(_: Subject, form: Form, runs: Runs) -> str:
    run = runs("recorded")
    first_s = attributes_of(run).get(names.RESPONSE_TIME_TO_FIRST_CHUNK)
    if not form.streamed:
        assert first_s is None
        return NONE
    assert attributes_of(run)[names.REQUEST_STREAM] is True
    # of a stream that comes all at once, the first chunk is the end, and a call begins a little before its span
    assert 0 < first_s < (run.span.end_time - run.span.start_time) / 1e9 + 0.1
    return "yes"


def content(_: Subject, form: Form, runs: Runs) -> str:
    # and nothing where it is not asked for
    others = "retried" if form.retried else "refused"
    assert not CONTENT & attributes_of(runs(others)).keys()
    attributes = attributes_of(runs("recorded"))
    asked, said = attributes.get(names.INPUT_MESSAGES), attributes.get(names.OUTPUT_MESSAGES)
    assert (asked is not None, said is not None) == (form.asked, form.said is not None)
    assert form.question in (asked or form.question)
    assert (form.said or "") in (said or "")
    return {(True, True): "yes", (True, False): "input", (False, True): "output"}.get(
        (asked is not None, said is not None), NONE
    )


def error(_: Subject, form: Form, runs: Runs) -> str:
    run = runs("refused")
    assert run.span.status.status_code is StatusCode.ERROR
    assert attributes_of(run)[names.ERROR_TYPE] == form.error
    if form.retried:
        assert type(run.error).__name__ == form.error
    return "yes"


def retries(_: Subject, form: Form, runs: Runs) -> str:
    if not form.retried:
        assert names.REQUEST_ATTEMPTS not in attributes_of(runs("recorded"))
        return NONE
    run = runs("retried")  # has one span
    assert ended_well(run)
    assert attributes_of(run)[names.REQUEST_ATTEMPTS] == 2
    assert set(run.kinds) == set(runs("recorded").kinds)
    return "yes"


def left_early(_: Subject, form: Form, runs: Runs) -> str:
    if form.read in (whole, raw):  # the app is given no more than an answer
        return NONE
    for behaviour in ("closed", "dropped"):
        run = runs(behaviour)  # has one span
        attributes = attributes_of(run)
        assert ended_well(run)
        assert not {names.USAGE_OUTPUT_TOKENS, names.RESPONSE_FINISH_REASONS} & attributes.keys()
        if form.left_after:
            assert "alpha" in attributes[names.OUTPUT_MESSAGES]
            assert "delta" not in attributes[names.OUTPUT_MESSAGES]
    return "yes"


def own_types(_: Subject, __: Form, runs: Runs) -> str:
    kinds = runs("recorded").kinds
    assert kinds
    assert kinds == runs("uninstrumented").kinds
    return "yes"


COLUMNS = (
    span, tokens, cost, finish_reason, first_chunk, content, error, retries, left_early, own_types,
)  # fmt: skip
