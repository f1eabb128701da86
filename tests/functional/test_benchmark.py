"""The benchmark from outside: short runs of our service alone."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.generator import COMPILERS
from benchmarks.processes import family
from tests.helpers.service_process import ServiceProcess, wait_until

pytestmark = [
    pytest.mark.skipif(not any(map(shutil.which, COMPILERS)), reason="there is no compiler"),
    pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="there is one core"),
]


def comparing(*arguments: str) -> ServiceProcess:
    command = [sys.executable, "-m", "benchmarks.compare", "--server", "ours", *arguments]
    return ServiceProcess(command)


def alive(processes: Sequence[int]) -> list[int]:
    return [pid for pid in processes if Path(f"/proc/{pid}").exists()]


def test_a_run_prints_a_table_and_writes_what_it_has_measured(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    options = ("--scenario", "c64", "--rounds", "1", "--seconds", "0.3", "--json", str(results))
    with comparing(*options) as benchmark:
        assert benchmark.wait(timeout=50) == 0, benchmark.log()

    assert "**c64**: 64 connections" in benchmark.log()
    (measurement,) = json.loads(results.read_text())["measurements"]
    assert measurement["server"] == "ours"
    assert measurement["done"] > 0


@pytest.mark.parametrize(
    ("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 1), (signal.SIGKILL, -9)]
)
def test_however_it_ends_nothing_of_it_is_left(sign: signal.Signals, code: int) -> None:
    with comparing("--scenario", "c64", "--seconds", "600") as benchmark:
        # The generator, the service with its worker, and what started that.
        wait_until(lambda: len(family(benchmark.process.pid)) > 4, timeout=30)
        processes = family(benchmark.process.pid)

        assert benchmark.stop(sign) == code, benchmark.log()
        wait_until(lambda: not alive(processes), timeout=20)
