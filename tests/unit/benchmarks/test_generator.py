import json
import shutil
from pathlib import Path

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.generator import Load, build
from benchmarks.scenarios import compressed, payload

LINE = {
    "seconds": 1.0,
    "server_cpu": 0.9,
    "own_cpu": 0.4,
    "done": 3,
    "compressed": 0,
    "sample": "",
    "times": [[1000, 2], [2000, 1]],
}


def test_what_the_generator_prints_is_read() -> None:
    load = Load.of(json.dumps(LINE), b"sent")

    assert load == Load(1.0, 0.9, 0.4, 3, 0, [(1000, 2), (2000, 1)])


def test_a_compressed_message_must_be_what_was_sent() -> None:
    line = json.dumps({**LINE, "sample": compressed(payload(100)).hex()})

    assert Load.of(line, payload(100)).done == 3
    with pytest.raises(BenchmarkError, match="another payload"):
        Load.of(line, payload(99))


def test_without_a_compiler_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(BenchmarkError, match=r"no compiler .*apt install gcc libc6-dev"):
        build(tmp_path)


def test_a_compiler_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text(f"#!{shutil.which('sh')}\necho no such header >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(BenchmarkError, match=r"cc cannot compile .*\nno such header"):
        build(tmp_path)
