"""The scripted model with the script of the Responses API's tests."""

from pathlib import Path

import pytest
from support.model_server import served_script

SCRIPT = Path(__file__).parents[1] / "scripts" / "responses.toml"


@pytest.fixture(scope="session")
def base_url(tmp_path_factory):
    with served_script(SCRIPT, tmp_path_factory.mktemp("responses") / "log") as url:
        yield url
