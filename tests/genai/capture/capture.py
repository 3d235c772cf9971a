"""Run one application against the scripted model server, and keep the OTLP that its libraries export.

    python capture.py NAME 'library 1.2.3' [KEY=VALUE ...] -- COMMAND [ARGUMENT ...]

Writes ../captured/NAME.json: what made the spans, and the requests for traces and logs in OTLP/JSON.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[2]), str(HERE.parents[1])]

from recorder import recording  # noqa: E402
from support.model_server import served_script  # noqa: E402


def main(name: str, library: str, *rest: str) -> None:
    settings, command = rest[: rest.index("--")], rest[rest.index("--") + 1 :]
    with (
        tempfile.TemporaryDirectory() as folder,
        served_script(HERE / "script.toml", Path(folder) / "log") as model_server,
        recording() as recorder,
    ):
        environment = os.environ | {
            "OPENAI_BASE_URL": model_server,
            "OPENAI_API_BASE": model_server,
            "OPENAI_API_KEY": "none",
            "OTEL_EXPORTER_OTLP_ENDPOINT": recorder.endpoint,
            "TRACELOOP_BASE_URL": recorder.endpoint,
            **dict(setting.split("=", 1) for setting in settings),
        }
        subprocess.run(command, env=environment, check=True)
        port = model_server.removeprefix("http://127.0.0.1:").removesuffix("/v1")
    captured = {"captured_with": library, **recorder.as_json()}
    text = json.dumps(captured, indent=1, ensure_ascii=False).replace(f"127.0.0.1:{port}", "127.0.0.1:8000")
    (HERE.parent / "captured" / f"{name}.json").write_text(text.replace(f'"{port}"', '"8000"') + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
