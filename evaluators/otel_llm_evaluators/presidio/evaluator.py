"""Microsoft Presidio as an evaluator of personal data; needs the extra `presidio`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from otel_llm.evaluate.api import EvaluatorManifest, Finder, FinderOptions, Finding, MissingExtraError, ModelError

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine


class Options(FinderOptions):
    """`[options]` of the manifest."""

    language: str = "en"
    model: str | None = None
    """Installed spaCy model that finds names; None means that only values of known form are found."""
    entities: tuple[str, ...] | None = None
    """Entities to look for, by Presidio's names; None means all that Presidio knows in the language."""
    max_characters: Annotated[int, Field(ge=1000)] = 20_000
    """Characters read of a text, fewer than by other finders: Presidio takes tens of milliseconds for 1,000."""


class Presidio(Finder):
    """Finds what Presidio's analyzer finds; the analyzer's scores are the confidences."""

    def __init__(self, manifest: EvaluatorManifest) -> None:
        self._options = manifest.read_options(Options)
        super().__init__(manifest, max_characters=self._options.max_characters)
        self._where = f"{manifest.folder / 'evaluator.toml'}: options"
        try:
            self._engine = self._analyzer()
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                f"presidio needs {error.name}, which is not installed: pip install 'otel-llm[presidio]'"
            ) from error
        known = self._engine.get_supported_entities(self._options.language)
        if unknown := sorted(set(self._options.entities or ()) - set(known)):
            raise ModelError(f"{self._where}.entities must be of {', '.join(sorted(known))}, got {unknown}")

    def _search(self, text: str) -> Iterator[Finding]:
        entities = None if self._options.entities is None else list(self._options.entities)
        for result in self._engine.analyze(text, self._options.language, entities=entities):
            yield Finding(result.entity_type, result.start, result.end, float(result.score))

    def _analyzer(self) -> AnalyzerEngine:
        import spacy  # noqa: PLC0415 - only with the extra, and slow
        import tldextract.tldextract  # noqa: PLC0415
        from presidio_analyzer import AnalyzerEngine  # noqa: PLC0415
        from presidio_analyzer.nlp_engine import SpacyNlpEngine  # noqa: PLC0415

        language, model = self._options.language, self._options.model
        # Presidio would download a missing model; a model that is loaded here is used as it is
        if model is not None and not spacy.util.is_package(model):
            raise ModelError(
                f"{self._where}.model must be installed, got {model!r}: python -m spacy download {model}"
            )
        # Presidio looks up the public suffix of an address's domain. Without this line, tldextract would fetch the
        # list from the Internet during a call; with it, the bundled list is used.
        tldextract.tldextract.TLD_EXTRACTOR.suffix_list_urls = ()
        engine = SpacyNlpEngine(models=[{"lang_code": language, "model_name": model or "blank"}])
        loaded = spacy.blank(language) if model is None else spacy.load(model)
        engine.nlp = {language: loaded}  # type: ignore[assignment]  # declared as None, and filled by load()
        return AnalyzerEngine(nlp_engine=engine, supported_languages=[language])
