"""Training of whole encoders: all-MiniLM with new heads, resumable, and its way to fused int8 ONNX."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TypeVar

import torch
from onnxruntime.transformers.optimizer import optimize_model
from tokenizers import Encoding, Tokenizer
from torch import distributed, nn
from tqdm import tqdm
from transformers import BertModel

from otel_llm.models.quantization import write_model
from recipes.common import EVALUATORS, SEED, WORK

HIDDEN = 384
_ATTENTION_HEADS = 12
_POOL = 32  # batches that are sorted by length together, so that little is padded and order stays random
_SAVE_S = 180
_WARM_UP = 0.06  # of all steps

T = TypeVar("T")


def original(attention: str = "sdpa") -> BertModel:
    """Return all-MiniLM-L6-v2 in float32, its word embeddings frozen; `python -m recipes.encoder` fetches it.

    Words that the training data do not have stay where they were beside those that they have.
    """
    model = BertModel.from_pretrained(WORK / "minilm", attn_implementation=attention, add_pooling_layer=False)
    model.embeddings.word_embeddings.weight.requires_grad = False
    return model


def tokenizer() -> Tokenizer:
    """Return the encoder's tokenizer, which neither cuts nor pads."""
    return Tokenizer.from_file(str(EVALUATORS / "minilm_l6_v2" / "tokenizer.json"))


def padded(tokens: Sequence[Encoding]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return token ids, types and the mask of real tokens, each (texts, tokens)."""
    ids, types, mask = (torch.zeros(len(tokens), max(map(len, tokens)), dtype=torch.long) for _ in range(3))
    for row, each in enumerate(tokens):
        ids[row, : len(each)] = torch.tensor(each.ids)
        types[row, : len(each)] = torch.tensor(each.type_ids)
        mask[row, : len(each)] = 1
    return ids, types, mask


def batches(units: Sequence[T], length: Callable[[T], int], *, size: int) -> list[list[T]]:
    """Return all units in batches of similar length, in an order that the seed decides."""
    shuffle = random.Random(SEED)
    order = list(units)
    shuffle.shuffle(order)
    found: list[list[T]] = []
    for start in range(0, len(order), size * _POOL):
        pool = sorted(order[start : start + size * _POOL], key=length)
        found += [pool[first : first + size] for first in range(0, len(pool), size)]
    shuffle.shuffle(found)
    return found


def fit(
    name: str,
    model: nn.Module,
    rounds: Sequence[Sequence[list[T]]],
    loss_of: Callable[[list[T]], torch.Tensor],
    *,
    rate: float,
    shares: Sequence[float] = (1.0,),
    smoothing: float | None = None,
) -> None:
    """Train the model on the batches; interrupted, the next call goes on from its last checkpoint in `work/`.

    In each round the rate rises to `rate` and falls to zero. The model ends with the mean of its weights at the
    end of each, which count `shares`. With `smoothing` a moving average stands in for the weights, of which each
    step keeps that share. Parameters under `encoder` are the original's and learn at `rate`, those that are new
    five times as fast.
    """
    named = [(key, value) for key, value in model.named_parameters() if value.requires_grad]
    old = [value for key, value in named if key.startswith("encoder.")]
    new = [value for key, value in named if not key.startswith("encoder.")]
    optimizer = torch.optim.AdamW([{"params": old}, {"params": new, "lr": 5 * rate}], lr=rate, weight_decay=0.02)
    order = [batch for batches in rounds for batch in batches]
    factors = [factor for batches in rounds for factor in _rise_and_fall(len(batches))] + [0.0]
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: factors[step])
    ends = list(accumulate(len(batches) for batches in rounds))
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
    if smoothing:
        parts["smoothed"] = smoothed = copy.deepcopy(model)
    path = WORK / f"{name}.checkpoint"
    done = 0
    if path.exists():
        saved = torch.load(path, weights_only=False)
        done = saved["step"]
        for key, part in parts.items():
            part.load_state_dict(saved[key])
    share = _Share()
    model.train()
    at, average = time.monotonic(), 0.7
    with tqdm(total=len(order), initial=done, unit="batch", desc=name, mininterval=20) as progress:
        for step, batch in enumerate(order[done:], done + 1):
            torch.manual_seed(SEED + step)  # dropout: the same, interrupted or not
            loss = loss_of(share.of(batch))
            optimizer.zero_grad()
            loss.backward()
            share.average(old + new)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            if smoothing:
                _approach(smoothed, model, 1 - min(smoothing, step / (step + 10)))  # the first ones weigh less
            average += 0.01 * (loss.item() - average)
            progress.update()
            progress.set_postfix(loss=f"{average:.3f}", refresh=False)
            if share.rank == 0 and step in ends:
                torch.save((smoothed if smoothing else model).state_dict(), _weights(name, step))
            if share.rank == 0 and (time.monotonic() - at > _SAVE_S or step == len(order)):
                part_file = path.with_suffix(".part")
                torch.save({"step": step, **{key: part.state_dict() for key, part in parts.items()}}, part_file)
                part_file.replace(path)
                at = time.monotonic()
    share.end()
    states = [torch.load(_weights(name, end)) for end in ends]
    model.load_state_dict(
        {key: sum(part * state[key] for part, state in zip(shares, states, strict=True)) for key in states[0]}
    )
    model.eval()


def _weights(name: str, step: int) -> Path:
    """Return the file for the weights at a round's end."""
    return WORK / f"{name}-{step}.weights"


def _rise_and_fall(steps: int) -> list[float]:
    """Return the factor of the learning rate at each step."""
    warm_up = _WARM_UP * steps
    return [min((step + 1) / warm_up, (steps - step) / (steps - warm_up)) for step in range(steps)]


@torch.no_grad()
def _approach(smoothed: nn.Module, model: nn.Module, share: float) -> None:
    for own, other in zip(smoothed.parameters(), model.parameters(), strict=True):
        own.lerp_(other, share)


class _Share:
    """This process's share of a batch: a part if `torchrun` started several processes, else the whole."""

    def __init__(self) -> None:
        self.rank, self.count = 0, 1
        if distributed.is_torchelastic_launched():
            distributed.init_process_group("gloo")
            self.rank, self.count = distributed.get_rank(), distributed.get_world_size()

    def of(self, batch: list[T]) -> list[T]:
        return batch[self.rank :: self.count] if len(batch) >= self.count else batch

    def average(self, parameters: Sequence[nn.Parameter]) -> None:
        """Make the gradients the mean of all processes'."""
        if self.count > 1:
            gradients = [value.grad for value in parameters if value.grad is not None]
            whole = torch.cat([gradient.flatten() for gradient in gradients])
            distributed.all_reduce(whole)
            parts = whole.div_(self.count).split([gradient.numel() for gradient in gradients])
            for gradient, part in zip(gradients, parts, strict=True):
                gradient.copy_(part.view_as(gradient))

    def end(self) -> None:
        """Leave what is not training to the first process."""
        if self.count > 1:
            distributed.barrier()
            distributed.destroy_process_group()
        if self.rank:
            raise SystemExit(0)


def export(model: nn.Module, inputs: Mapping[str, torch.Tensor], output: str, path: Path) -> None:
    """Write a model of one text as fused int8 ONNX, and its float32 form into `work/` for comparison.

    The second dimension of each input is a number of tokens.
    """
    name = path.parent.name
    plain, fused = (WORK / f"{name}-{form}.onnx" for form in ("plain", "float"))
    torch.onnx.export(
        model.eval(),  # else the export leaves the model in training mode, with dropout
        tuple(inputs.values()),
        plain,
        dynamo=False,  # the fusions below know the graphs of the older exporter
        opset_version=17,
        input_names=list(inputs),
        output_names=[output],
        dynamic_axes={key: {1: "tokens"} for key in inputs},
    )
    graph = optimize_model(str(plain), model_type="bert", num_heads=_ATTENTION_HEADS, hidden_size=HIDDEN)
    graph.save_model_to_file(str(fused))
    write_model(graph, "int8", path)
