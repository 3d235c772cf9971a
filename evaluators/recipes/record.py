"""Labelled examples that measure an evaluator, and the data sets that they make up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from otel_llm.evaluate.definition.result import Target
from otel_llm.genai.call import Call, Message, Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A question or answer, and whether the evaluator should fail it."""

    positive: bool
    """True if the record is what the evaluator looks for: toxic, not grounded."""
    input: str = ""
    output: str = ""
    documents: tuple[str, ...] = ()
    group: str = ""
    """Name of what the record shares with others, such as a document; empty for nothing."""

    @property
    def text(self) -> str:
        """The whole record as one text: records with the same words are the same."""
        return "\n".join(part for part in (*self.documents, self.input, self.output) if part)

    @property
    def target(self) -> Target:
        """The side of the call that is measured."""
        return "output" if self.output else "input"

    def call(self) -> Call:
        """Return the call that an evaluator reads."""
        return Call(
            trace_id="0" * 32,
            span_id="0" * 16,
            service="measure",
            operation="chat",
            provider="",
            request_model="",
            input=_said("user", self.input),
            output=_said("assistant", self.output),
            documents=self.documents,
            start_ns=0,
            duration_s=0.0,
        )


@dataclass(frozen=True, slots=True)
class DataSet:
    """Records that are measured together."""

    source: str
    """Name of the source in training data; see `is_of`."""
    records: list[Record]

    def is_of(self, sources: Iterable[str]) -> bool:
        """Return whether one of the training sources is the same source."""
        return any(source.startswith(self.source) for source in sources)


def _said(role: str, text: str) -> tuple[Message, ...]:
    return (Message(role, (Part("text", text),)),) if text else ()
