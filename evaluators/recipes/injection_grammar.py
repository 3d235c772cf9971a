"""Texts from templates: `injection_attacks.toml` and `injection_benign.toml`."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from recipes.common import SEED

_SLOT = re.compile(r"\$([a-z_]+)")
_TRIES = 4  # for each text wanted: a family of few words gives what it has


class Grammar:
    """Families of templates, and what fills their slots."""

    def __init__(self, name: str) -> None:
        values = tomllib.loads((Path(__file__).parent / f"injection_{name}.toml").read_text(encoding="utf-8"))
        self._fill: dict[str, list[str]] = values["fill"]
        self._families: dict[str, list[str]] = values["families"]
        self._held_out = set(values["held_out"])

    def texts(self, count: int, *, held_out: bool = False, only: str | None = None) -> Iterator[tuple[str, str]]:
        """Yield (family, text), at most `count` distinct ones of each family that trains, or that is held out."""
        for family, templates in self._families.items():
            if only not in (None, family) or (family in self._held_out) != held_out:
                continue
            chance = random.Random(f"{SEED}{family}")
            found: dict[str, None] = {}
            for turn in range(_TRIES * count):
                found[self._filled(templates[turn % len(templates)], chance)] = None
                if len(found) == count:
                    break
            yield from ((family, text) for text in found)

    def _filled(self, template: str, chance: random.Random) -> str:
        while slot := _SLOT.search(template):
            values = self._fill.get(slot[1])
            if values is None:  # a slot is followed by a letter or _: the longest name that there is
                name = max((name for name in self._fill if slot[1].startswith(name)), key=len)
                values, end = self._fill[name], slot.start() + 1 + len(name)
            else:
                end = slot.end()
            template = template[: slot.start()] + chance.choice(values) + template[end:]
        text = re.sub(r" {2,}", " ", re.sub(r"\s+([.,;])", r"\1", template)).strip()
        return text[0].upper() + text[1:] if chance.random() < 0.8 else text
