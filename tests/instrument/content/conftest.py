import pytest
from uploads import BASE_PATH, HOOK


@pytest.fixture
def uploading(exported, monkeypatch, tmp_path):
    """Exporters in memory, and content uploaded to a folder that is not there yet."""
    monkeypatch.setenv(HOOK, "upload")
    monkeypatch.setenv(BASE_PATH, str(tmp_path / "prompts"))
    return exported
