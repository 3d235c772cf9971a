"""The wheel as a user installs it: alone, in an environment of its own."""

import json
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("numpy", "onnxruntime", "starlette", "uvicorn", "grpc", "yaml", "rich", "tokenizers", "xllamacpp")
DEPLOYED = ("collector", "dashboards", "examples")


def run(*command: str | Path, status: int = 0) -> str:
    # "/": from the checkout's root, `python -c` would import the checkout's own package
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd="/", capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == status, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    return next(folder.glob("otel_llm-*.whl"))


@pytest.fixture(scope="session")
def plain_install(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that holds `pip install otel-llm` and nothing else."""
    folder = tmp_path_factory.mktemp("plain")
    venv.create(folder, with_pip=shutil.which("uv") is None)
    python = folder / "bin" / "python"
    installer = (
        ("uv", "pip", "install", "--python", python) if shutil.which("uv") else (python, "-m", "pip", "install")
    )
    run(*installer, wheel)
    return folder / "bin"


def deployed_files(root: Path) -> set[str]:
    return {
        str(path.relative_to(root))
        for folder in DEPLOYED
        for path in (root / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_wheel_is_small_typed_and_holds_what_one_deploys(wheel: Path) -> None:
    assert wheel.stat().st_size < 1_000_000
    names = zipfile.ZipFile(wheel).namelist()
    assert "otel_llm/py.typed" in names
    shipped = {name.removeprefix("otel_llm/_assets/") for name in names if name.startswith("otel_llm/_assets/")}
    assert shipped == deployed_files(ROOT)


def test_wheel_has_one_top_level_package(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"otel_llm"}


def test_plain_install_imports_nothing_heavy(plain_install: Path) -> None:
    code = (
        "import json, sys, otel_llm, otel_llm.instrument, otel_llm.names, otel_llm.assets, otel_llm.cli\n"
        "import otel_llm.evaluate, otel_llm.evaluate.offline.command\n"
        "otel_llm.instrument(sdk=False)\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    imported = json.loads(run(plain_install / "python", "-c", code))
    assert not set(HEAVY) & set(imported)


def test_plain_install_has_none_of_the_heavy_packages(plain_install: Path) -> None:
    code = (
        "import importlib.util, json\n"
        f"print(json.dumps([name for name in {HEAVY!r} if importlib.util.find_spec(name)]))"
    )
    assert json.loads(run(plain_install / "python", "-c", code)) == []


@pytest.mark.parametrize("command", ["collector", "serve", "demo", "dashboards build"])
def test_a_part_without_its_extra_names_the_install_command(plain_install: Path, command: str) -> None:
    name, *rest = command.split()
    assert "Usage" in run(plain_install / "otel-llm", name, *rest, "--help")
    output = run(plain_install / "otel-llm", name, *rest, status=1)
    assert f"pip install 'otel-llm[{name}]'" in output
    assert "Traceback" not in output


def test_evaluation_without_its_extra_names_the_install_command(plain_install: Path) -> None:
    # 2, not 1: that is kept for thresholds that are not met
    output = run(plain_install / "otel-llm", "evaluate", "answers.jsonl", status=2)
    assert "pip install 'otel-llm[collector]'" in output
    assert "Traceback" not in output
    called = run(plain_install / "python", "-c", "import otel_llm; otel_llm.evaluate([])", status=1)
    assert "MissingExtraError" in called
    assert "pip install 'otel-llm[collector]'" in called


def test_wheel_and_checkout_find_the_same_assets(plain_install: Path) -> None:
    code = "from otel_llm.assets import asset; print(asset('collector').parent)"
    installed = Path(run(plain_install / "python", "-c", code).strip())
    assert installed.name == "_assets"
    checkout = Path(run(sys.executable, "-c", code).strip())
    assert checkout == ROOT
    assert deployed_files(installed) == deployed_files(checkout)
