"""Content on its way to spans, events and uploads. By default no content is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry._logs import Logger, LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.trace import Span, set_span_in_context
from opentelemetry.util.types import AttributeValue

from otel_llm import names
from otel_llm.config.instrument import UPLOAD_HOOK, InstrumentSettings
from otel_llm.instrument.content.documents import fit_documents
from otel_llm.instrument.content.fit import Fitted, fit
from otel_llm.instrument.contract.data import Content, Message, Request
from otel_llm.instrument.guard import guarded
from otel_llm.instrument.worker import BackgroundWorker
from otel_llm.names.finish_reasons import FAILED, UNKNOWN_REASON

Said = dict[str, list[dict[str, Any]]]
"""Content by attribute name, without empty lists."""


class Capture:
    """Reads and records the content of calls, if the settings ask for content."""

    def __init__(self, settings: InstrumentSettings, events: Logger, worker: BackgroundWorker) -> None:
        self._on_span = settings.capture_content.on_span
        self._on_event = settings.capture_content.on_event
        self._limit = settings.content_limit
        self._events = events
        self._worker = worker
        self._uploader = self._hook = None
        if settings.completion_hook == UPLOAD_HOOK and settings.upload_base_path is not None:
            from otel_llm.instrument.content.upload import uploader  # noqa: PLC0415 - for those who upload

            self._uploader = uploader(settings.upload_base_path, settings.upload_format)
        elif settings.completion_hook is not None:
            from otel_llm.instrument.content.completion_hook import load_hook  # noqa: PLC0415 - for those who have one

            self._hook = load_hook(settings.completion_hook)
        self._for_spans = self._on_span or self._uploader is not None
        # a hook decides by itself, as the conventions say; an upload without a span that refers to it has no use
        self._for_all = self._on_event or self._hook is not None
        self.captures = self._for_spans or self._for_all
        """True if the content of any call is recorded."""
        if self.captures:
            from otel_llm.instrument.content.preparation import Preparation  # noqa: PLC0415 - for those who record content
            from otel_llm.instrument.content.redact import redaction  # noqa: PLC0415

            self._preparation = Preparation(redaction(settings.redact))

    def asked(self, span: Span, request: Request) -> Content | None:
        """Return the request's content, read now, as the app may change it later; None if not recorded."""
        if not self._for_all and not (self._for_spans and span.is_recording()):
            return None
        return self._read(request)

    @guarded("reading content")
    def _read(self, request: Request) -> Content:
        from otel_llm.instrument.content.media import large_media  # noqa: PLC0415 - as above

        content = request.endpoint.read_content(request.body)
        for media in large_media(content.messages):
            self._worker.prepare(media.take_digest)
        return content

    @guarded("recording an error's text")
    def error_text(self, error: BaseException) -> str | None:
        """Return an error's text if spans carry content, else None: the text may repeat the prompt."""
        return self._preparation.text(str(error))[: self._limit] if self._on_span else None

    @guarded("recording content")
    def record(
        self,
        span: Span,
        set_attributes: Callable[[Mapping[str, AttributeValue]], None],
        asked: Content,
        read_answer: Callable[[], list[Message]],
        attributes: Mapping[str, AttributeValue],
    ) -> None:
        """Record a call's content on its span and on an event. The event has the call's attributes too.

        If redaction fails, no content of the call is recorded.

        Args:
            span: the call's span.
            set_attributes: sets attributes of the span.
            asked: the content of the request.
            read_answer: returns the output messages.
            attributes: the call's attributes, for the event.
        """
        said = _said(asked, read_answer(), names.ERROR_TYPE in attributes)
        fitted: dict[str, Fitted] = {}
        documents: list[str] = []
        if self._on_span or self._on_event:
            fitted = {name: fit(items, self._limit, self._preparation.item) for name, items in said.items()}
            documents = [self._preparation.text(text) for text in asked.documents]
        references = self._upload(said)
        set_attributes(references)
        if self._on_span:
            texts = {name: each.text for name, each in fitted.items()}
            if documents:
                texts[names.DOCUMENTS] = fit_documents(documents, self._limit).json
            set_attributes(texts)
        record = None
        if self._on_event:
            structures: dict[str, Any] = {name: each.items for name, each in fitted.items()}
            if documents:
                structures[names.DOCUMENTS] = fit_documents(documents, self._limit).texts
            record = _event(span, {**attributes, **references, **structures})
        if self._hook is not None:
            self._run_hook(said, span, record)
        if record is not None:
            self._events.emit(record)

    def _upload(self, said: Said) -> dict[str, str]:
        if self._uploader is None:
            return {}
        from otel_llm.instrument.content.media import large_media  # noqa: PLC0415 - as above

        # content that waits for the store holds no media, which are large
        for media in large_media(said.get(names.OUTPUT_MESSAGES, [])):
            media.take_digest()
        return self._uploader.submit(said, self._preparation.item)

    @guarded("running the completion hook")
    def _run_hook(self, said: Said, span: Span, record: LogRecord | None) -> None:
        if self._hook is not None:
            prepared = {name: [self._preparation.item(item) for item in items] for name, items in said.items()}
            self._hook(prepared, span, record)


def _said(asked: Content, answer: list[Message], has_failed: bool) -> Said:
    for message in answer:
        if not message.get("finish_reason"):
            message["finish_reason"] = FAILED if has_failed else UNKNOWN_REASON
    said = {
        names.INPUT_MESSAGES: asked.messages,
        names.OUTPUT_MESSAGES: answer,
        names.SYSTEM_INSTRUCTIONS: asked.system,
        names.TOOL_DEFINITIONS: asked.tools,
    }
    return {name: items for name, items in said.items() if items}


def _event(span: Span, attributes: Mapping[str, Any]) -> LogRecord:
    return LogRecord(
        event_name=names.EVENT_OPERATION_DETAILS,
        severity_number=SeverityNumber.DEBUG,
        context=set_span_in_context(span, Context()),
        attributes=attributes,
    )
