"""The shipped groundedness evaluator, measured as the service runs it, on data sets that nothing was trained on.

Run: `python -m recipes.measure`. Trains nothing: the weights and rules of the installed evaluator are what counts.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from tqdm import tqdm

from otel_llm.config.evaluate import DriftSettings, EvaluateSettings
from otel_llm.evaluate.manifest import evaluator_manifests
from otel_llm.evaluate.pipeline import Pipeline
from otel_llm.receive.call import Call, Message, Part
from recipes.common import DATA_OPTION, log_metrics
from recipes.groundedness import measure
from recipes.groundedness_data import Answer, measuring


@click.command()
@DATA_OPTION
def main(data: Path) -> None:
    """Score every answer and print the figures of the model card."""
    settings = EvaluateSettings(evaluators=("groundedness",), drift=DriftSettings(enabled=False))
    pipeline = Pipeline.load(settings)
    threshold = next(each.threshold for each in evaluator_manifests() if each.name == "groundedness")
    figures = {}
    for name, answers in measuring(data).items():
        scores, grounded = [], []
        for answer in tqdm(answers, unit="answer", desc=name):
            (result,) = pipeline.evaluate([_call(answer)]).results
            if result.score is not None:
                scores.append(result.score)
                grounded.append(answer.grounded)
        figures[name] = measure(np.array(scores), np.array(grounded), threshold)
    log_metrics("measure", figures)


def _call(answer: Answer) -> Call:
    return Call(
        trace_id="0" * 32,
        span_id="0" * 16,
        service="measure",
        operation="chat",
        provider="",
        request_model="",
        output=(Message("assistant", (Part("text", answer.text),)),),
        documents=answer.documents,
        start_ns=0,
        duration_s=0.0,
    )


if __name__ == "__main__":
    main()
