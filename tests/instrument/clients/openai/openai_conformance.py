"""The openai client in the conformance suite: its server is the scripted model of `otel-llm serve`."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
from openai_forms import FORMS
from subject import WAYS, Subject, failing
from support.model_server import serving

from otel_llm.serve.models.script import Script, read_script
from otel_llm.serve.models.scripted import ScriptedModel


def script() -> Script:
    """Return the script with, for each form and way, a rule that fails once: a rule counts its failures."""
    written = read_script(Path(__file__).parent / "scripts" / "forms.toml")
    rules = [
        written.rule_for(form.question).model_copy(
            update={"match": re.compile(failing(index, way)), "status": 503, "fail_times": 1}
        )
        for index, form in enumerate(FORMS)
        for way in WAYS
    ]
    return Script(rule=(*rules, *written.rule))


@contextlib.contextmanager
def serve() -> Iterator[str]:
    with serving(ScriptedModel(script())) as url:
        yield url


def make(provider: str, way: str, url: str) -> Any:
    azure = provider == "azure.ai.openai"
    # to load certificates takes longer than a call
    if way == "sync":
        kind: Any = openai.AzureOpenAI if azure else openai.OpenAI
        options: dict[str, Any] = {"http_client": openai.DefaultHttpxClient(verify=False)}
    else:
        kind = openai.AsyncAzureOpenAI if azure else openai.AsyncOpenAI
        options = {"http_client": openai.DefaultAsyncHttpxClient(verify=False)}
    if azure:
        options |= {"azure_endpoint": url.removesuffix("/v1"), "api_version": "2024-10-21"}
    else:
        # by its other name, it is another server
        options["base_url"] = url.replace("127.0.0.1", "localhost") if provider == "vllm" else url
    return kind(api_key="none", max_retries=0, **options)


SUBJECT = Subject(name="openai", provider="openai", forms=FORMS, serve=serve, make=make, error=openai.APIError)
