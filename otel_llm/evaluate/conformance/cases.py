"""`cases.jsonl`: calls in an evaluator's folder, with the labels that they must get."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from otel_llm.errors import ModelError
from otel_llm.evaluate.definition.result import Label, Target
from otel_llm.genai.call import Call, Message, Part


class Case(BaseModel):
    """One line of the file: a call, and the label that each target must get."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: str | None = None
    """Text of the user."""
    output: str | None = None
    """Text of the answer."""
    documents: tuple[str, ...] = ()
    """Texts that groundedness compares the answer with."""
    choices: tuple[str, ...] = ()
    """Further answers to the same input."""
    logprobs: tuple[float, ...] = ()
    """Natural log-probabilities of the answer's tokens."""
    tool_results: tuple[str, ...] = ()
    """Results of tools, before the answer."""
    tool_calls: dict[str, dict[str, object]] = {}
    """Calls of tools in the answer: arguments by the tool's name."""
    labels: dict[Target, Label]

    def call(self, number: int = 1) -> Call:
        """Return the case as a call; `number` makes its ids."""
        answers = (*(() if self.output is None else (self.output,)), *self.choices)
        asked = () if self.input is None else (Message("user", (Part("text", self.input),)),)
        return Call(
            trace_id=f"{number:032x}",
            span_id=f"{number:016x}",
            service="cases",
            operation="chat",
            provider="",
            request_model="",
            input=(*asked, *(Message("tool", (Part("tool_call_response", text),)) for text in self.tool_results)),
            output=(
                *(Message("assistant", (Part("text", text),)) for text in answers),
                *(
                    Message("assistant", (Part("tool_call", json.dumps(arguments, ensure_ascii=False), name),))
                    for name, arguments in self.tool_calls.items()
                ),
            ),
            documents=self.documents,
            logprobs=self.logprobs,
            start_ns=0,
            duration_s=0.0,
        )


def read_cases(folder: Path) -> list[Case]:
    """Return the cases of an evaluator's folder.

    Raises:
        ModelError: the file is missing, or a line is not a case.
    """
    path = folder / "cases.jsonl"
    try:
        # not splitlines, which ends a line at U+2028 or U+0085: a text may hold these characters
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: must hold plain cases, one JSON object a line, in UTF-8: {error}") from error
    return [_case(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _case(path: Path, number: int, line: str) -> Case:
    try:
        return Case.model_validate_json(line)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ModelError(f"{path}, line {number}: {faults}") from error
