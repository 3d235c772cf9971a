"""The torch side of `evaluators.py`: what one would run instead, where torch and transformers are installed.

Reads a request a line from stdin, {"do": ...}, and answers it with a line, {"seconds": ..., "memory_mib": ...}.
Weights are random: a model's speed does not depend on them. The tokenizer is our own WordPiece for all, as no
other is there: the texts become about as many tokens. All of it runs on one thread, in batches padded to their
longest text.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    DebertaV2Config,
    DebertaV2ForSequenceClassification,
    PreTrainedTokenizerFast,
)

BATCH = 32


class Peers:
    """The models, each loaded when it is first asked for."""

    def __init__(self, tokenizer: str) -> None:
        special = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
        self._tokenizer = PreTrainedTokenizerFast(tokenizer_file=tokenizer, model_max_length=512, **special)

    def toxicity(self, texts: Sequence[str], batch: int = BATCH) -> None:
        """BERT-base with six labels, as Detoxify's `predict` runs it."""
        self._run(_detoxify(), texts, None, batch)

    def injection(self, texts: Sequence[str], batch: int = BATCH) -> None:
        """DeBERTa-v3-base with two labels, as LLM Guard's scanner runs it: input and context, 512 tokens each."""
        self._run(_deberta(2), texts, None, batch)

    def groundedness(self, claims: Sequence[str], contexts: Sequence[str], batch: int = BATCH) -> None:
        """A cross-encoder of DeBERTa-v3-base's size for NLI, as CrossEncoder's `predict` runs it, on pairs."""
        self._run(_deberta(3), contexts, claims, batch)

    def embedding(self, texts: Sequence[str], batch: int = BATCH) -> None:
        """MiniLM of six layers with mean pooling, as its model card runs it."""
        self._run(_minilm(), texts, None, batch)

    def set(self, call: dict[str, Any]) -> None:
        """Everything that is asked of one call, one model after the other."""
        self.toxicity([call["input"], call["output"]])
        self.injection([call["input"], *call["documents"]])
        self.groundedness(*zip(*call["pairs"], strict=True))
        self.embedding([call["input"], call["output"]])

    @torch.inference_mode()
    def _run(self, model: torch.nn.Module, texts: Sequence[str], others: Sequence[str] | None, batch: int) -> None:
        for start in range(0, len(texts), batch):
            second = None if others is None else list(others[start : start + batch])
            inputs = self._tokenizer(
                list(texts[start : start + batch]), second, return_tensors="pt", truncation=True, padding=True
            )
            output = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])[0]
            if isinstance(model, BertModel):
                mask = inputs["attention_mask"][..., None]
                output = torch.nn.functional.normalize((output * mask).sum(1) / mask.sum(1))
            output.sigmoid().numpy()


@cache
def _detoxify() -> torch.nn.Module:
    return BertForSequenceClassification(BertConfig(num_labels=6)).eval()


@cache
def _deberta(labels: int) -> torch.nn.Module:
    # the settings of microsoft/deberta-v3-base
    config = DebertaV2Config(
        vocab_size=128100,
        hidden_size=768,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=3072,
        max_position_embeddings=512,
        type_vocab_size=0,
        relative_attention=True,
        position_buckets=256,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type=["p2c", "c2p"],
        position_biased_input=False,
        num_labels=labels,
    )
    return DebertaV2ForSequenceClassification(config).eval()


@cache
def _minilm() -> torch.nn.Module:
    config = BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
    return BertModel(config, add_pooling_layer=False).eval()


def memory_mib() -> float:
    """Return the resident memory of this process."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main() -> None:
    torch.set_num_threads(1)
    peers = Peers(sys.argv[1])
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints must not be taken for an answer
    for line in sys.stdin:
        request = json.loads(line)
        work = getattr(peers, request.pop("do"))
        started = time.perf_counter()
        work(**request)
        seconds = time.perf_counter() - started
        print(json.dumps({"seconds": seconds, "memory_mib": memory_mib()}), file=answers, flush=True)


if __name__ == "__main__":
    main()
