"""Completion hooks of others: what they are given, and what happens when they fail."""

import logging
import sys
import types
from typing import ClassVar

import pytest
from uploads import HOOK, MESSAGES, ask

from otel_llm import names
from otel_llm.instrument.content import completion_hook


class OthersHook:
    """A completion hook as others write them."""

    calls: ClassVar[list] = []

    def on_completion(self, **given):
        self.calls.append(given)
        given["span"].set_attribute("others.ref", "x")
        if given["log_record"] is not None:
            given["log_record"].attributes = {**given["log_record"].attributes, "others.ref": "x"}


@pytest.fixture
def others_hook(exported, monkeypatch):
    entry_point = types.SimpleNamespace(load=lambda: OthersHook)
    found = {(completion_hook.GROUP, "others"): (entry_point,)}
    monkeypatch.setattr(completion_hook, "entry_points", lambda *, group, name: found.get((group, name), ()))
    monkeypatch.setenv(HOOK, "others")
    OthersHook.calls = []
    return exported


def test_a_hook_of_others_is_given_content_in_its_own_classes(others_hook):
    from opentelemetry.util.genai import types as genai

    others_hook.instrument(capture_content="EVENT_ONLY", redact="email")
    image = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}
    ask(messages=[*MESSAGES, {"role": "user", "content": [image]}, {"role": "assistant", "refusal": "No."}])

    (given,) = OthersHook.calls
    asked, shown, refused = given["inputs"]
    assert asked == genai.InputMessage("user", [genai.TextPart("Write to [email].")])
    assert shown.parts == [genai.UriPart(mime_type=None, modality="image", uri="https://example.com/cat.png")]
    assert (refused.parts[0].type, refused.parts[0].content) == ("text", "No.")
    assert given["outputs"] == [genai.OutputMessage("assistant", [genai.TextPart("Hello.")], "stop")]
    assert given["tool_definitions"] == [genai.FunctionToolDefinition("look", "Looks.", None)]
    assert given["system_instruction"] == []
    assert others_hook.span.attributes["others.ref"] == "x"
    (event,) = others_hook.logs
    assert event.attributes["others.ref"] == "x"


def test_a_hook_of_others_that_fails_leaves_the_rest(others_hook, caplog, monkeypatch):
    monkeypatch.setattr(OthersHook, "on_completion", lambda self, **given: 1 / 0)
    others_hook.instrument(capture_content="SPAN_AND_EVENT", debug_raise=False)
    ask()

    assert names.INPUT_MESSAGES in others_hook.span.attributes
    assert len(others_hook.logs) == 1
    assert "running the completion hook" in caplog.text


@pytest.mark.parametrize("missing", ["nobodys", "util-genai"])
def test_a_hook_that_cannot_be_loaded_is_said(others_hook, monkeypatch, caplog, missing):
    if missing == "util-genai":
        monkeypatch.setitem(sys.modules, "opentelemetry.util.genai", None)
    else:
        monkeypatch.setenv(HOOK, "nobodys")
    with caplog.at_level(logging.WARNING, logger="otel_llm"):
        others_hook.instrument()
        ask()

    assert (
        f"{HOOK} must be upload, or an entry point of the group opentelemetry_genai_completion_hook" in caplog.text
    )
    assert OthersHook.calls == []
