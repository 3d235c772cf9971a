"""The model of groundedness: a cross-encoder over a claim and its evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import torch
from tokenizers import Encoding, Tokenizer
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus
from tqdm import tqdm

from otel_llm.evaluate.definition.span import Span
from otel_llm.evaluate.engine.words import words
from otel_llm_evaluators.groundedness.context import Context
from otel_llm_evaluators.groundedness.evaluator import Options
from recipes.finetune import HIDDEN, original, padded
from recipes.groundedness_data import Claim

_WORD_LOSS = 0.3
_RANK_LOSS = 0.3
_MARGIN = 1.0  # in logits
_RARITY = torch.tensor(3.0)  # of wrong words
_CLS, _SEP = 101, 102


class Pair(NamedTuple):
    """A claim beside its evidence, as the model reads it."""

    tokens: Encoding
    supported: bool
    wrong: list[int] | None
    """Tokens of the claim that are not supported; None means not annotated."""
    weight: float


class GroundednessModel(nn.Module):
    """Says whether the claim follows from the evidence, and which of its words do not."""

    def __init__(self, attention: str = "sdpa") -> None:
        super().__init__()
        self.encoder = original(attention)
        self.tell = nn.Linear(HIDDEN, 1)
        self.judge = nn.Linear(2 * HIDDEN + 1, 1)
        nn.init.normal_(self.judge.weight, std=0.02)

    def forward(
        self, ids: torch.Tensor, types: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits (pairs,) of support and (pairs, tokens) of the claim's tokens not being supported."""
        hidden = self.encoder(input_ids=ids, token_type_ids=types, attention_mask=mask).last_hidden_state
        claim = (mask * (1 - types))[..., None].to(hidden.dtype)  # with its two special tokens
        told = self.tell(hidden).masked_fill(claim == 0, -1e4)
        mean = (hidden * claim).sum(1) / claim.sum(1)
        logits = self.judge(torch.cat([hidden[:, 0], mean, told.amax(1).clamp(-8, 8)], dim=1))
        return logits.squeeze(1), told.squeeze(2)


class Served(nn.Module):
    """The shipped model, of one pair."""

    def __init__(self, model: GroundednessModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, token_type_ids: torch.Tensor) -> torch.Tensor:
        """Return (2,) logits for (1, tokens): of support, and of its worst word not being supported."""
        logits, told = self.model(input_ids, token_type_ids, torch.ones_like(input_ids))
        special = (input_ids == _CLS) | (input_ids == _SEP)
        return torch.cat([logits, told.masked_fill(special, -1e4).amax(1)])


def pairs(claims: Sequence[Claim], tokenizer: Tokenizer, options: Options) -> list[tuple[Pair, ...]]:
    """Return each claim with its evidence; a spoiled claim is paired with the right one, to be told apart."""
    weights = _weights(claims)
    contexts: dict[tuple[str, ...], Context] = {}
    units = []
    for claim in tqdm(claims, unit="claim", desc="pairs", mininterval=20):
        if claim.documents not in contexts:
            contexts[claim.documents] = Context.read(claim.documents, max_characters=options.max_characters)
        # of what was spoiled, the evidence is that of the right one: it is the change that is not supported
        read = words(claim.right or claim.text)
        found = contexts[claim.documents].evidence(read, max_characters=options.evidence_characters)
        evidence = " ".join(each.text for each in found)
        tokens = tokenizer.encode(claim.text, evidence)
        wrong = () if claim.supported else claim.wrong
        unit = [
            Pair(tokens, claim.supported, None if wrong is None else _within(tokens, wrong), weights[claim[2:4]])
        ]
        if claim.right:
            unit.append(Pair(tokenizer.encode(claim.right, evidence), True, [], weights[True, claim.source]))
        units.append(tuple(unit))
    return units


def loss_of(model: GroundednessModel, units: Sequence[tuple[Pair, ...]]) -> torch.Tensor:
    """Return cross-entropy over claims and over words, and a margin between a spoiled claim and the right one."""
    batch = [pair for unit in units for pair in unit]
    logits, told = model(*padded([pair.tokens for pair in batch]))
    wanted = torch.tensor([float(pair.supported) for pair in batch])
    loss = binary_cross_entropy_with_logits(logits, wanted, torch.tensor([pair.weight for pair in batch]))
    marks = torch.full(told.shape, -1.0)
    for row, pair in enumerate(batch):
        if pair.wrong is not None:
            marks[row, 1 : pair.tokens.type_ids.count(0) - 1] = 0
            marks[row, pair.wrong] = 1
    known = marks >= 0
    if known.any():
        loss = loss + _WORD_LOSS * binary_cross_entropy_with_logits(told[known], marks[known], pos_weight=_RARITY)
    starts = [0, *accumulate(len(unit) for unit in units)]
    if twins := [start for start, unit in zip(starts, units, strict=False) if len(unit) == 2]:
        first = torch.tensor(twins)
        loss = loss + _RANK_LOSS * softplus(_MARGIN + logits[first] - logits[first + 1]).sum() / len(batch)
    return loss


def _within(tokens: Encoding, spans: Sequence[Span]) -> list[int]:
    """Return the claim's tokens that lie in the spans."""
    return [
        index
        for index, ((start, end), side) in enumerate(zip(tokens.offsets, tokens.type_ids, strict=True))
        if side == 0 and end > start and any(start < span.end and end > span.start for span in spans)
    ]


def _weights(claims: Sequence[Claim]) -> dict[tuple[bool, str], float]:
    """Return the weight of a claim: a source's supported and unsupported claims have the same total."""
    counts: Counter[tuple[bool, str]] = Counter()
    for claim in claims:
        counts[claim.supported, claim.source] += 1
        if claim.right:
            counts[True, claim.source] += 1
    return {
        (supported, source): min((count + counts[not supported, source]) / (2 * count), 2.0)
        for (supported, source), count in counts.items()
    }
