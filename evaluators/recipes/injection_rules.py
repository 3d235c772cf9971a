"""The rules of prompt injection by themselves, without the classifier, on what measures the evaluator.

Run: `python -m recipes.injection_rules`, a minute. A text fails where the doubt is half or less: the product of
1 - confidence over the rules that match near each other.
"""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path

import click

from otel_llm.evaluate.definition.encoding import Encoding
from otel_llm.evaluate.definition.installed import evaluator_manifests
from otel_llm_evaluators.prompt_injection.evaluator import PromptInjection
from recipes.common import DATA_OPTION, log_metrics
from recipes.injection_sets import sets
from recipes.record import Record
from recipes.statistics import estimates

_FIGURES = ("roc_auc", "recall", "false_positive_rate")
_NOT_ENCODED = defaultdict[str, Encoding](lambda: Encoding(()))


@click.command()
@DATA_OPTION
def main(data: Path) -> None:
    """Print ROC-AUC, recall and false positive rate of each data set, with their intervals."""
    manifest = next(each for each in evaluator_manifests() if each.name == "prompt_injection")
    evaluator = PromptInjection(manifest)
    figures = {}
    for title, each in sets(data).items():
        scores = [_score(evaluator, record) for record in each.records]
        found = estimates(scores, [record.positive for record in each.records], [score >= 0.5 for score in scores])
        figures[title] = {
            name: f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"
            for name, value in found.items()
            if name in _FIGURES
        }
    log_metrics("injection_rules", figures)


def _score(evaluator: PromptInjection, record: Record) -> float:
    return max(1 - math.exp(-evidence.rules) for evidence in evaluator.evidence(record.call(), _NOT_ENCODED))


if __name__ == "__main__":
    main()
