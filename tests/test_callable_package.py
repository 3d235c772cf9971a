"""`otel_llm.instrument` and `otel_llm.evaluate`: packages that are used as functions."""

import inspect
import pydoc

import pytest

import otel_llm
from otel_llm.evaluate.offline.evaluate import evaluate
from otel_llm.instrument.setup import instrument


@pytest.mark.parametrize(
    ("package", "function"), [(otel_llm.instrument, instrument), (otel_llm.evaluate, evaluate)]
)
def test_editors_and_help_see_the_function(package, function):
    assert inspect.signature(package) == inspect.signature(function)
    text = pydoc.render_doc(package, renderer=pydoc.plaintext)
    for name in inspect.signature(function).parameters:
        assert f"{name}: " in text or f"{name}, " in text
    assert "__call__" not in text


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: otel_llm.instrument(redct="all"),
         "otel_llm.instrument() has no argument 'redct': did you mean redact?"),
        (lambda: otel_llm.evaluate([], evaluator=["pii"]),
         "otel_llm.evaluate() has no argument 'evaluator': did you mean evaluators?"),
        (lambda: otel_llm.evaluate([], zzz=1),
         "otel_llm.evaluate() has no argument 'zzz': there are records, evaluators, threads, timeout_s"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_named_with_the_nearest_one(call, message):
    with pytest.raises(TypeError) as raised:
        call()
    assert str(raised.value) == message
