"""The file of bearer tokens, where it cannot be read for a while."""

import errno
from pathlib import Path

import pytest

from otel_llm.receive.security import TokenFile


def test_tokens_that_could_not_be_read_for_a_moment_are_read_once_they_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> bytes:
        raise OSError(errno.EMFILE, "Too many open files")

    path = tmp_path / "tokens"
    path.write_text("first\n")
    file = TokenFile(path)
    path.write_text("the-second\n")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", fail)
        assert [file.knows("Bearer first") for _ in range(3)] == [True] * 3
    assert [record.message.count("Too many open files") for record in caplog.records] == [1]
    assert file.knows("Bearer the-second")
    assert not file.knows("Bearer first")
