"""Inputs that are nearly right: what real libraries sent, changed here and there."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from support.captured import FOLDER, NAMES, body_of

CORPUS = Path(__file__).with_name("corpus")
EXAMPLES = int(os.environ.get("OTEL_LLM_FUZZ_EXAMPLES", "150"))
"""Examples of each test; for hours of it, set more."""

fuzzing = settings(
    max_examples=EXAMPLES,
    derandomize="OTEL_LLM_FUZZ_EXAMPLES" not in os.environ,
    deadline=60_000,  # of milliseconds: nothing here may hang
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

_ODD_TEXTS = [
    "", "{", "[[", "[" * 3000, '{"a":' * 800, "null", "NaN", "-1e999", '"\\ud800"', "[{}]", "\x00", "9" * 400,
    '[{"role":"user","parts":[{"type":"text","content":5}]}]', "<context>" * 300, "<document>" * 300,
]  # fmt: skip
_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(_ODD_TEXTS),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=6), st.text(max_size=6), max_size=3),
)


@cache
def bodies(signal: str) -> tuple[bytes, ...]:
    """Requests of one signal as libraries sent them."""
    found = tuple(body_of(name, signal) for name in NAMES)
    return tuple(body for body in found if body)


@cache
def documents(signal: str) -> tuple[str, ...]:
    """The same in JSON."""
    found = (json.loads((FOLDER / f"{name}.json").read_text())[signal] for name in NAMES)
    return tuple(json.dumps(each) for each in found if each)


@st.composite
def mutated_bytes(draw: Any, originals: tuple[bytes, ...]) -> bytes:
    """One of the originals with bytes flipped, cut out, repeated, put in, or taken from another one."""
    data = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        length = draw(st.integers(1, 24))
        match draw(st.sampled_from(["flip", "cut", "repeat", "insert", "splice", "end"])):
            case "flip" if data:
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del data[at : at + length]
            case "repeat":
                data[at:at] = data[at : at + length] * draw(st.integers(1, 50))
            case "insert":
                data[at:at] = draw(st.binary(min_size=1, max_size=12))
            case "splice":
                other = draw(st.sampled_from(originals))
                data[at:] = other[draw(st.integers(0, len(other))) :]
            case _:
                del data[at:]
    return bytes(data)


@st.composite
def mutated_json(draw: Any, originals: tuple[str, ...]) -> bytes:
    """One of the originals with values of other kinds at some places, or keys gone."""
    value = json.loads(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 5))):
        places = list(_places(value))
        if not places:
            break
        container, key = places[draw(st.integers(0, len(places) - 1))]
        if draw(st.booleans()) or isinstance(container, list):
            container[key] = draw(_VALUES)
        else:
            del container[key]
    return json.dumps(value).encode()


def _places(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in list(items):
        yield value, key
        yield from _places(each)
