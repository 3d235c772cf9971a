"""Azure's paths of the API: by Azure's client, and by plain HTTP."""

import httpx
import openai
import pytest

ASK = [{"role": "user", "content": "Hello"}]
VERSION = "2024-10-21"


@pytest.fixture
def root(scripted_url):
    return scripted_url("").removesuffix("/v1")


def azure(root, **options):
    return openai.AzureOpenAI(azure_endpoint=root, api_key="none", api_version=VERSION, max_retries=0, **options)


def test_a_deployment_is_called_as_its_model(root):
    with azure(root) as client:
        assert client.chat.completions.create(model="scripted", messages=ASK).model == "scripted"
        with pytest.raises(openai.NotFoundError, match="the model 'another' does not exist"):
            client.chat.completions.create(model="another", messages=ASK)


def test_the_deployment_in_the_path_answers_whatever_model_the_body_names(root):
    with azure(root, azure_deployment="scripted") as client:
        answer = client.chat.completions.create(model="gpt-4o", messages=ASK)

    assert answer.model == "scripted"


def test_images_are_drawn_by_the_deployment_and_by_no_other(root):
    with azure(root, azure_deployment="scripted") as client:
        assert len(client.images.generate(model="gpt-image-1", prompt="a cat").data) == 1
    with azure(root, azure_deployment="nope") as client:
        with pytest.raises(openai.NotFoundError, match="the model 'nope' does not exist"):
            client.images.generate(prompt="a cat")
        with pytest.raises(openai.NotFoundError, match="the model 'nope' does not exist"):
            client.images.edit(image=b"one", prompt="a cat")


def test_paths_without_a_deployment_are_the_same_as_elsewhere(root):
    with azure(root) as client:
        assert [model.id for model in client.models.list()] == ["scripted"]
        assert client.responses.create(model="scripted", input="Hello").model == "scripted"
        embedded = client.embeddings.create(model="scripted", input="Hello")

    assert embedded.model == "scripted"


def test_the_newer_api_has_neither_versions_nor_deployments(root):
    with openai.OpenAI(base_url=f"{root}/openai/v1/", api_key="none") as client:
        assert client.chat.completions.create(model="scripted", messages=ASK).model == "scripted"


@pytest.mark.parametrize(
    "path", ["/openai/deployments/scripted/chat/completions", "/openai/responses", "/openai/models"]
)
def test_a_query_without_a_version_finds_nothing(root, path):
    answer = httpx.post(f"{root}{path}", json={})

    assert answer.status_code == 404
    assert "api-version" in answer.json()["error"]["message"]


def test_a_path_that_is_not_there_is_a_404(root):
    answer = httpx.post(f"{root}/openai/deployments/scripted?api-version={VERSION}", json={})

    assert answer.status_code == 404
