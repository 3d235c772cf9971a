"""What is compared: each with the versions it is installed in, and how its application switches it on.

Read on both sides: by the command that starts the children, and by the children, in whose environments only the
subject itself is installed. So nothing here is imported before it is used.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

CHECKOUT = Path(__file__).resolve().parents[2]

# the newest of November 2026 that install beside each other; what a subject does not allow, it has lower itself
OPENAI, HTTPX = "openai==3.54.0", "httpx2==2.16.2"
OPENAI_2, HTTPX_1 = "openai==2.54.0", "httpx==0.28.1"
# not all of OpenTelemetry's instrumentations have a 0.66b2
SDK = ("opentelemetry-sdk==1.45.1", "opentelemetry-instrumentation==0.66b1", "pydantic==2.14.3", "wrapt==2.5.2")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One instrumentation in one environment."""

    label: str
    """What the tables call it."""
    distribution: str
    requirements: tuple[str, ...]
    """What the environment is installed from, exactly."""
    instrument: Callable[[bool], None]
    """Switch it on as its documentation says, with the process's own providers; True captures content."""
    without_content: Mapping[str, str] = field(default_factory=dict)
    with_content: Mapping[str, str] = field(default_factory=dict)
    """The environment variables that decide on content, where that is how it is decided."""
    flush: Callable[[], object] | None = None
    """Returns once its own threads have nothing more to do, if it has any."""
    by_hand: bool = False
    """Whether the hand-written span is measured in its rounds as well."""

    def variables(self, content: bool) -> Mapping[str, str]:
        return self.with_content if content else self.without_content


def otel_llm(content: bool) -> None:
    import otel_llm

    otel_llm.instrument(sdk=False, capture_content=content)


def flush_otel_llm() -> None:
    from otel_llm.instrument.setup import flush

    assert flush(10)


def openai_v2(_: bool) -> None:
    from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

    OpenAIInstrumentor().instrument()


def genai_openai(_: bool) -> None:
    from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument()


def openinference(_: bool) -> None:
    from openinference.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument()


def openllmetry(_: bool) -> None:
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument()


def openlit(content: bool) -> None:
    """Of all that OpenLIT instruments, the openai client alone; its prices from a file, else it fetches them."""
    import openlit
    from openlit._instrumentors import MODULE_NAME_MAP

    prices = {"chat": {"gpt-4o-mini": {"promptPrice": 0.00015, "completionPrice": 0.0006}}}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(prices, file)
        file.flush()
        others = [name for name in MODULE_NAME_MAP if name != "openai"]
        openlit.init(capture_message_content=content, disabled_instrumentors=others, pricing_json=file.name)


CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
SUBJECTS: Mapping[str, Subject] = MappingProxyType(
    {
        "otel-llm": Subject(
            label="otel-llm",
            distribution="otel-llm",
            requirements=("-e", str(CHECKOUT), OPENAI, HTTPX, *SDK),
            instrument=otel_llm,
            flush=flush_otel_llm,
            by_hand=True,
        ),
        "openai-v2": Subject(
            label="opentelemetry openai-v2",
            distribution="opentelemetry-instrumentation-openai-v2",
            requirements=(
                "opentelemetry-instrumentation-openai-v2==2.4b0",
                "opentelemetry-util-genai==1.1b0",  # the last that has the module `instruments`, which it imports
                OPENAI,
                HTTPX,
                HTTPX_1,  # which it imports, and openai 3.x no longer brings
                *SDK,
            ),
            instrument=openai_v2,
            # only its newer mode has content on spans
            with_content={CAPTURE: "span_only", "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental"},
        ),
        "genai-openai": Subject(
            label="opentelemetry genai-openai",
            distribution="opentelemetry-instrumentation-genai-openai",
            requirements=(
                "opentelemetry-instrumentation-genai-openai==1.3b0",
                "opentelemetry-util-genai==1.3b0",
                OPENAI,
                HTTPX,
                *SDK,
            ),
            instrument=genai_openai,
            with_content={CAPTURE: "span_only"},
        ),
        "openinference": Subject(
            label="OpenInference",
            distribution="openinference-instrumentation-openai",
            requirements=("openinference-instrumentation-openai==0.1.66", OPENAI, HTTPX, *SDK),
            instrument=openinference,
            without_content={"OPENINFERENCE_HIDE_INPUTS": "true", "OPENINFERENCE_HIDE_OUTPUTS": "true"},
        ),
        "openllmetry": Subject(
            label="OpenLLMetry",
            distribution="opentelemetry-instrumentation-openai",
            requirements=("opentelemetry-instrumentation-openai==0.62.4", OPENAI, HTTPX, *SDK),
            instrument=openllmetry,
            without_content={"TRACELOOP_TRACE_CONTENT": "false"},
        ),
        # allows no openai 3.x
        "openlit": Subject(
            label="OpenLIT",
            distribution="openlit",
            requirements=("openlit==1.45.0", OPENAI_2, HTTPX_1, *SDK),
            instrument=openlit,
        ),
        "otel-llm-openai-2": Subject(
            label="otel-llm",
            distribution="otel-llm",
            requirements=("-e", str(CHECKOUT), OPENAI_2, HTTPX_1, *SDK),
            instrument=otel_llm,
            flush=flush_otel_llm,
        ),
    }
)
