"""The groundedness evaluator: a cross-encoder over a claim and its evidence, weighed with what the words say.

Run: `python -m recipes.groundedness`, four hours on one core. Trains the model, has its outputs and the lexical
signals weighed (`recipes.groundedness_weights`), and writes model.onnx, tokenizer.json, evaluator.toml.
What measures it on data that it never saw is `python -m recipes.measure groundedness`.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import torch

from recipes.common import DATA_OPTION, EVALUATORS, SEED, WORK
from recipes.finetune import batches, export, fit, tokenizer
from recipes.groundedness_data import Claim
from recipes.groundedness_model import GroundednessModel, Pair, Served, loss_of, pairs
from recipes.groundedness_weights import OPTIONS, claims, parted, weigh

_TARGET = EVALUATORS / "groundedness"
_STEPS = 1550  # of the first round, about as many claims as there are
_BATCH = 24  # claims, a third of them beside what they were spoiled from
_RATE = 2e-4
_ONCE = {"summedits": 2, "faithdial": 3, "begin": 3}  # small sources that are most like what is measured
_AGAIN = {
    "snli": 2, "mnli": 3, "scitail": 2, "fm2": 2, "wice": 2, "summedits": 2,
    "facts": 0.25, "spoiled": 0.25, "near": 0.25, "corrupted": 0.5,
}  # fmt: skip
"""Times that a source's claims are read in the second round: less often if learnt, more often if hard."""
_SHARES = (0.3, 0.7)  # of the two rounds' weights in their mean


@click.command()
@DATA_OPTION
@click.option(
    "--threads", default=1, show_default=True, help="More scale badly: torchrun with a process for each."
)
@click.option("--steps", type=int, help="Of each round, for a quick look: what is shipped had them all.")
def main(data: Path, threads: int, steps: int | None) -> None:
    """Train, weigh and write the groundedness evaluator."""
    torch.set_num_threads(threads)
    development, rest = parted(claims(data))
    read = tokenizer()
    read.enable_truncation(OPTIONS.max_tokens)
    units = pairs(rest, read, OPTIONS)
    rounds = [
        batches(_taken(rest, units, times), lambda unit: len(unit[0].tokens), size=_BATCH)[: steps or whole]
        for times, whole in ((_ONCE, _STEPS), (_AGAIN, None))
    ]
    torch.manual_seed(SEED)
    model = GroundednessModel()
    fit("groundedness", model, rounds, lambda batch: loss_of(model, batch), rate=_RATE, shares=_SHARES)

    stage = WORK / "groundedness"  # so that what is installed fits together at any time
    stage.mkdir(exist_ok=True)
    _export(model, stage)
    weigh(stage, development)
    for name in ("model.onnx", "tokenizer.json", "evaluator.toml"):
        shutil.copyfile(stage / name, _TARGET / name)


def _taken(
    claims: Sequence[Claim], units: Sequence[tuple[Pair, ...]], times: Mapping[str, float]
) -> list[tuple[Pair, ...]]:
    """Return each unit as often as its claim's source is read; for a fraction, that share of the units."""
    choose = random.Random(SEED)
    return [
        unit
        for claim, unit in zip(claims, units, strict=True)
        for _ in range(int(times.get(claim.source.split("_")[0], 1) + choose.random()))
    ]


def _export(model: GroundednessModel, stage: Path) -> None:
    exported = GroundednessModel("eager")
    exported.load_state_dict(model.state_dict())
    ids = torch.randint(1000, 2000, (1, 9), generator=torch.Generator().manual_seed(0))
    types = (torch.arange(9) > 4).long()[None]
    export(Served(exported), {"input_ids": ids, "token_type_ids": types}, "logits", stage / "model.onnx")
    shutil.copyfile(EVALUATORS / "minilm_l6_v2" / "tokenizer.json", stage / "tokenizer.json")


if __name__ == "__main__":
    main()
