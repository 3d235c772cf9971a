"""The calls in a request of traces, as the service finds them one by one."""

from dataclasses import dataclass, field

from otel_llm.errors import DecodeError
from otel_llm.genai.call import Call
from otel_llm.genai.decode import is_genai, read_span, service_name
from otel_llm.otlp.requests import read_spans


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What a request holds."""

    calls: list[Call] = field(default_factory=list)
    spans: int
    """All spans in it, of whatever kind."""
    rejected: list[str] = field(default_factory=list)
    """One reason per span that could not be read."""


def decode(body: bytes) -> Decoded:
    """Return the calls in an ExportTraceServiceRequest; a span that is malformed costs only itself.

    Raises:
        DecodeError: the body is no such request.
    """
    resources = read_spans(body)
    decoded = Decoded(spans=sum(len(spans) for _, spans in resources))
    for resource, spans in resources:
        genai = [span for span in spans if is_genai(span)]
        if genai:
            _decode_resource(resource, genai, decoded)
    return decoded


def _decode_resource(resource: bytes, spans: list[bytes], decoded: Decoded) -> None:
    try:
        service = service_name(resource)
    except DecodeError as error:
        decoded.rejected.extend([f"its resource is malformed: {error}"] * len(spans))
        return
    for span in spans:
        try:
            outline = read_span(span)
            if outline.kind == "call":
                decoded.calls.append(outline.call(service))
        except DecodeError as error:
            decoded.rejected.append(str(error))
