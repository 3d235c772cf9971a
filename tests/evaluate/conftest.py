import pytest

from otel_llm.evaluate.encoder import Encoder
from otel_llm.evaluate.manifest import encoder_manifest


@pytest.fixture(scope="session")
def encoder():
    return Encoder(encoder_manifest("minilm_l6_v2"))
