"""OpenLLMetry: its instrumentation of OpenAI's client, and its decorators around a retrieval and a tool."""

from openai_calls import answer, make_calls
from traceloop.sdk import Traceloop
from traceloop.sdk.decorators import task, tool, workflow

DOCUMENT = "Llamas are domesticated camelids of South America."


@task(name="retrieve_documents")
def retrieve(question: str) -> list[str]:
    """Return what is known."""
    return [DOCUMENT]


@tool(name="weather")
def weather(city: str) -> str:
    """Return the weather."""
    return f"rainy in {city}"


@workflow(name="rag")
def rag() -> None:
    """Retrieve, use a tool, answer."""
    weather("Paris")
    answer(retrieve("What is a llama?")[0])


Traceloop.init(app_name="captured", disable_batch=True, telemetry_enabled=False)
make_calls()
Traceloop.set_association_properties({"user_id": "user-1", "session_id": "session-1"})
rag()
