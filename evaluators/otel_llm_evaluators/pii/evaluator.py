"""Personal data: numbers and addresses by form, check and words near them; names, on request, by lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Field

from otel_llm.evaluate.api import EvaluatorManifest, Finder, FinderOptions, Finding, ModelError, Rules
from otel_llm_evaluators.pii.names import Names
from otel_llm_evaluators.pii.patterns import RULES

_LISTED: Final = ("ORGANIZATION", "GPE", "NRP")  # found by lists alone; PERSON also by form
TYPES: Final = (*dict.fromkeys(rule.type for rule in RULES), *_LISTED)
"""Types that `options.types` may name."""


class Options(FinderOptions):
    """`[options]` of the manifest."""

    types: Annotated[tuple[str, ...], Field(min_length=1)]
    """Types of `TYPES` that are looked for."""
    names: str | None = None
    """File with the lists of names, for every PERSON, ORGANIZATION, GPE and NRP. None means that only a PERSON who
    says the own name is found."""


class Pii(Finder):
    """Finds personal data of the types that the manifest's options name."""

    def __init__(self, manifest: EvaluatorManifest) -> None:
        options = manifest.read_options(Options)
        super().__init__(manifest, max_characters=options.max_characters)
        where = f"{manifest.folder / 'evaluator.toml'}: options.types"
        if unknown := sorted(set(options.types) - set(TYPES)):
            raise ModelError(f"{where} must be of {', '.join(TYPES)}, got {', '.join(unknown)}")
        if options.names is None and (listed := sorted(set(options.types) & set(_LISTED))):
            raise ModelError(f"{where}: {', '.join(listed)} must come with lists: set options.names")
        self._types = frozenset(options.types)
        self._rules = Rules([rule for rule in RULES if rule.type in self._types])
        self._names = None if options.names is None else Names(manifest.path(options.names))

    def _search(self, text: str) -> Iterator[Finding]:
        yield from self._rules.find(text)
        if self._names:
            yield from (finding for finding in self._names.find(text) if finding.type in self._types)
