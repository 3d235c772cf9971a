"""The wheel of otel-llm-evaluators: every evaluator's folder, whole."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

EVALUATORS = Path(__file__).parents[2] / "evaluators"


def test_the_evaluators_wheel_holds_each_folder_with_its_code(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, EVALUATORS]
    subprocess.run(build, cwd="/", check=True, capture_output=True, timeout=300)
    [wheel] = tmp_path.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    package = EVALUATORS / "otel_llm_evaluators"
    files = {path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert names == {str(path.relative_to(EVALUATORS)) for path in files}
    assert {"otel_llm_evaluators/pii/evaluator.py", "otel_llm_evaluators/py.typed"} <= names


def test_the_evaluators_do_not_require_otel_llm_which_requires_them() -> None:
    """pip before 24.0 resolves no circle of two projects: `pip install -e evaluators -e '.[demo]'` failed."""
    project = tomllib.loads((EVALUATORS / "pyproject.toml").read_text())["project"]
    assert "dependencies" not in project
