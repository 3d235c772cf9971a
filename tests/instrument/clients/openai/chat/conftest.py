"""The scripted model with the script of the chat tests."""

from pathlib import Path

import pytest
from support.model_server import served_script

SCRIPT = Path(__file__).parents[1] / "scripts" / "chat_forms.toml"


@pytest.fixture(scope="session")
def base_url(tmp_path_factory):
    with served_script(SCRIPT, tmp_path_factory.mktemp("chat_forms") / "log") as url:
        yield url
