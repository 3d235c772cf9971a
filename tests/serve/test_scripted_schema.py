"""What the scripted model answers has each field that the client's own types require, and of their types."""

import openai
import pytest

# the client's own word on variations and translations
pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")

SOUND = {"model": "scripted", "file": ("talk.wav", bytes(16_000))}
STREAM = {"stream": True, "partial_images": 1}
BATCH = {"endpoint": "/v1/embeddings", "input_file_id": "file-1", "completion_window": "24h"}
ASK = {
    "a vector": lambda client: client.embeddings.create(model="scripted", input="a", encoding_format="float"),
    "a completion": lambda client: client.completions.create(model="scripted", prompt="a"),
    "an image": lambda client: client.images.generate(prompt="a"),
    "an image by URL": lambda client: client.images.generate(prompt="a", response_format="url"),
    "a stream of images": lambda client: list(client.images.generate(prompt="a", **STREAM)),
    "an edit": lambda client: client.images.edit(prompt="a", image=b"image"),
    "a stream of edits": lambda client: list(client.images.edit(prompt="a", image=b"image", **STREAM)),
    "a variation": lambda client: client.images.create_variation(image=b"image"),
    "a transcript": lambda client: client.audio.transcriptions.create(**SOUND),
    "a verbose transcript": lambda client: client.audio.transcriptions.create(
        **SOUND, response_format="verbose_json"
    ),
    "a streamed transcript": lambda client: list(client.audio.transcriptions.create(**SOUND, stream=True)),
    "a translation": lambda client: client.audio.translations.create(**SOUND),
    "a verbose translation": lambda client: client.audio.translations.create(
        **SOUND, response_format="verbose_json"
    ),
    "a moderation": lambda client: client.moderations.create(input="a"),
    "a batch": lambda client: client.batches.create(**BATCH),
}


@pytest.fixture
def strict_client(scripted_url):
    with openai.OpenAI(base_url=scripted_url(""), api_key="none", _strict_response_validation=True) as client:
        yield client


@pytest.mark.parametrize("what", ASK)
def test_what_is_answered_is_of_the_clients_own_types(strict_client, what):
    assert ASK[what](strict_client)
