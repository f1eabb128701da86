from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from benchmarks.errors import BenchmarkError
from benchmarks.servers import SERVERS, checkout, several_workers
from tests.helpers.service_process import PROJECT, Section, components_of, original_config


def config_of(arguments: object) -> Section:
    assert isinstance(arguments, tuple)
    document: Section = yaml.safe_load(Path(arguments[-1]).read_text())
    return document


def test_our_service_is_the_original_with_one_worker_and_its_log_in_a_file(tmp_path: Path) -> None:
    document = config_of(SERVERS["ours"].arguments(8090, tmp_path, False))

    expected = original_config()
    components_of(expected)["server"]["listener"].update(port=8090, address="127.0.0.1")
    logger = components_of(expected)["logging"]["loggers"]["default"]
    logger["file_path"] = str(tmp_path / "log")
    assert logger["level"] == "debug"
    assert document == expected


def test_our_service_compresses_where_compression_is_measured(tmp_path: Path) -> None:
    document = config_of(SERVERS["ours"].arguments(8090, tmp_path, True))

    assert components_of(document)["websocket-handler"]["compression"] == {"enabled": True}


def test_our_service_may_have_more_workers(tmp_path: Path) -> None:
    document = config_of(several_workers(2).arguments(8090, tmp_path, False))

    processors = document["components_manager"]["task_processors"]
    assert processors["main-task-processor"]["worker_threads"] == 2


def test_workers_of_our_service_may_have_a_socket_each(tmp_path: Path) -> None:
    server = several_workers(2, reuse_port=True)
    document = config_of(server.arguments(8090, tmp_path, False))

    assert components_of(document)["server"]["listener"]["reuse-port"] is True


def test_another_checkout_is_called_by_its_folder() -> None:
    server = checkout(PROJECT)

    assert server.name == PROJECT.name
    assert server.folder == PROJECT


def test_a_folder_without_our_service_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="no checkout of this project"):
        checkout(tmp_path)


def test_what_is_not_installed_is_named_with_the_way_out() -> None:
    server = replace(SERVERS["aiohttp"], packages=("uvloop", "no-such-server"))

    with pytest.raises(BenchmarkError, match=r"aiohttp: no-such-server is not .*`make bench`"):
        server.versions()


def test_an_interpreter_that_is_not_there_is_named_with_the_way_out(tmp_path: Path) -> None:
    server = replace(SERVERS["ours-compiled"], python=(str(tmp_path / "python"), "-P"))

    with pytest.raises(BenchmarkError, match=r"ours-compiled: no .*python; `make bench` makes it"):
        server.versions()
