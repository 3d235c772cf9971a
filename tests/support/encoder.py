"""The shared encoder that comes with the evaluators, loaded once for a run of tests."""

import pytest

from otel_llm.evaluate.definition.installed import encoder_manifest
from otel_llm.evaluate.engine.encoder import Encoder


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return Encoder(encoder_manifest("minilm_l6_v2"))
