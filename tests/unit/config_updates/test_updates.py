import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config_updates.cache_file import CacheFile
from app.config_updates.errors import NoValuesError, UpdateError
from app.config_updates.updates import Cache, Unchanged, Updates, Values
from app.dynamic_config.snapshot import Snapshot
from app.dynamic_config.source import FALLBACK, Source
from app.dynamic_config.variable import Variable
from app.static_config.document import OptionPath
from app.task_processors.pool import ThreadPool
from tests.helpers.documents import plain_document

COUNT = Variable("COUNT", int, 7, description="How many.", reader="a test")


class ScriptedOrigin:
    """Has, or lacks, what a test says."""

    def __init__(self, *script: dict[str, object] | Exception | Unchanged | None) -> None:
        self.script = list(script)
        self.taken_count = 0
        # For each fetch, whether it was to be brief.
        self.brief: list[bool] = []

    async def fetch(self, *, briefly: bool = False) -> Values | Unchanged | None:
        self.brief.append(briefly)
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if answer is None or isinstance(answer, Unchanged):
            return answer
        return Values(plain_document("http://service", answer), "http://service", "r1")

    def taken(self) -> None:
        self.taken_count += 1


@pytest.fixture
def source() -> Source:
    return Source([COUNT], Snapshot({"COUNT": 1}))


@pytest.fixture
def pool() -> Iterator[ThreadPool]:
    pool = ThreadPool("fs", 1)
    yield pool
    pool.stop()


@pytest.fixture
def cache(tmp_path: Path, pool: ThreadPool) -> Cache:
    return Cache(CacheFile(tmp_path / "cache.json"), pool)


AWAY = UpdateError("http://service: nobody answers")


def updates(
    source: Source, origin: ScriptedOrigin, cache: Cache | None = None, *, may_fail: bool = False
) -> Updates:
    return Updates(source, cache, origin, first_may_fail=may_fail)


async def test_first_values_are_fetched_and_kept(source: Source, cache: Cache) -> None:
    origin = ScriptedOrigin({"COUNT": 2})

    await updates(source, origin, cache).first()

    assert source.snapshot[COUNT] == 2
    assert json.loads(cache.file.path.read_text()) == {"COUNT": 2}
    assert origin.taken_count == 1


async def test_first_values_are_those_of_the_cache_if_none_can_be_fetched(
    source: Source, cache: Cache
) -> None:
    cache.file.write({"COUNT": 3})

    await updates(source, ScriptedOrigin(AWAY), cache).first()

    assert source.snapshot[COUNT] == 3
    status = source.status()
    assert status.origin == f"cache {cache.file.path}"
    assert status.error is not None
    assert status.error.text == "http://service: nobody answers"


async def test_cache_of_another_version_of_the_service_is_good_as_far_as_it_is_known(
    source: Source, cache: Cache
) -> None:
    cache.file.write({"COUNT": 3, "OLD": True})

    await updates(source, ScriptedOrigin(AWAY), cache).first()

    assert source.snapshot[COUNT] == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cache: {path}: No such file or directory"),
        ("{", "cache: {path}:1: not valid JSON: Expecting property name"),
        ("[]", "cache: {path}:1: expected an object"),
        ('{"COUNT": "x"}', "cache: {path}:1: COUNT: expected a whole number (got 'x')"),
    ],
)
async def test_service_without_values_says_all_that_it_lacks_and_what_to_do(
    source: Source, cache: Cache, content: str | None, said: str
) -> None:
    if content is not None:
        cache.file.path.write_text(content)

    with pytest.raises(NoValuesError) as caught:
        await updates(source, ScriptedOrigin(AWAY, AWAY), cache).first()

    text = str(caught.value)
    assert text.startswith("there are no values to start with: http://service: nobody answers; ")
    assert said.format(path=cache.file.path) in text
    assert "first-update-fail-ok: true" in text
    assert source.snapshot[COUNT] == 1


async def test_service_without_values_and_without_a_cache_says_so(source: Source) -> None:
    with pytest.raises(NoValuesError, match=r"start with: http://service: nobody answers\. Mend"):
        await updates(source, ScriptedOrigin(AWAY)).first()


async def test_service_may_start_with_its_fallback_values(
    source: Source, cache: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    await updates(source, ScriptedOrigin(AWAY, AWAY), cache, may_fail=True).first()

    assert source.snapshot[COUNT] == 1
    assert source.status().origin == FALLBACK
    assert "starts with its fallback values" in caplog.records[-1].getMessage()


async def test_bad_first_values_are_not_taken_but_those_of_the_cache(
    source: Source, cache: Cache
) -> None:
    cache.file.write({"COUNT": 3})
    origin = ScriptedOrigin({"COUNT": "x"})

    await updates(source, origin, cache).first()

    assert source.snapshot[COUNT] == 3
    assert origin.taken_count == 0
    assert json.loads(cache.file.path.read_text()) == {"COUNT": 3}


async def test_values_that_are_the_same_are_confirmed(source: Source) -> None:
    origin = ScriptedOrigin({"COUNT": 2}, AWAY, Unchanged("r2"))
    bringing = updates(source, origin)

    await bringing.first()
    assert not await bringing.again()
    assert source.status().error is not None
    assert await bringing.again()

    assert source.status().error is None
    assert source.status().revision == "r2"


async def test_answer_that_says_nothing_of_the_values_changes_nothing(
    source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    bringing = updates(source, ScriptedOrigin({"COUNT": 2}, None, {"COUNT": "x"}, None))

    await bringing.again()
    assert await bringing.again()
    assert (source.status().error, source.status().revision) == (None, "r1")

    assert not await bringing.again()
    refused = source.status()
    assert refused.error is not None
    await bringing.again()
    assert source.status() == refused
    assert "can be updated again" not in caplog.text


# What nobody has thought of


def failing_check(_: Snapshot) -> Iterator[tuple[OptionPath, str]]:
    raise KeyError("handler")
    yield


async def test_error_that_was_not_expected_is_in_the_status_and_once_in_the_log(
    source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    broken = RuntimeError("can't start new thread")
    bringing = updates(source, ScriptedOrigin(broken, broken, {"COUNT": 2}))

    assert [await bringing.again() for _ in range(2)] == [False, False]
    status = source.status()
    assert status.error is not None
    assert status.error.text == "RuntimeError: can't start new thread"
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[1] is broken

    assert await bringing.again()
    assert source.status().error is None


async def test_check_that_fails_refuses_the_values_and_those_of_the_cache(
    source: Source, cache: Cache
) -> None:
    cache.file.write({"COUNT": 3})
    source._checks.append(failing_check)  # one that failed at once would not be taken

    with pytest.raises(NoValuesError) as caught:
        await updates(source, ScriptedOrigin({"COUNT": 2}, {"COUNT": 2}), cache).first()

    assert f"KeyError: 'handler'; cache: {cache.file.path}: KeyError: 'handler'" in str(
        caught.value
    )
    assert source.snapshot[COUNT] == 1


async def test_cache_is_used_where_an_error_was_not_expected(source: Source, cache: Cache) -> None:
    cache.file.write({"COUNT": 3})

    await updates(source, ScriptedOrigin(KeyError("configs")), cache).first()

    assert source.snapshot[COUNT] == 3


# How long a start may take


async def test_start_with_a_good_cache_does_not_wait_for_those_who_are_away(
    source: Source, cache: Cache
) -> None:
    cache.file.write({"COUNT": 3})
    origin = ScriptedOrigin(AWAY)

    await updates(source, origin, cache).first()

    assert origin.brief == [True]


async def test_start_without_a_cache_is_patient(source: Source) -> None:
    origin = ScriptedOrigin({"COUNT": 2})

    await updates(source, origin).first()

    assert origin.brief == [False]


async def test_start_with_a_bad_cache_is_patient_after_all(source: Source, cache: Cache) -> None:
    cache.file.path.write_text("{")
    origin = ScriptedOrigin(AWAY, {"COUNT": 2})

    await updates(source, origin, cache).first()

    assert origin.brief == [True, False]
    assert source.snapshot[COUNT] == 2
    assert json.loads(cache.file.path.read_text()) == {"COUNT": 2}


# The log


async def test_same_failure_is_logged_once_and_its_end_is_told(
    source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    origin = ScriptedOrigin(AWAY, AWAY, UpdateError("other"), {"COUNT": 1}, AWAY)
    bringing = updates(source, origin)

    results = [await bringing.again() for _ in range(5)]

    assert results == [False, False, False, True, False]
    told = [(each.levelname, each.getMessage().split(":")[0]) for each in caplog.records]
    failed = ("ERROR", "the dynamic config was not updated, its values stay")
    assert told == [
        failed,
        failed,
        ("INFO", "dynamic config updated"),
        ("INFO", "the dynamic config can be updated again"),
        failed,
    ]


async def test_log_of_an_update_names_what_has_changed(
    source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    bringing = updates(source, ScriptedOrigin({"COUNT": 2}, {"COUNT": 2}))

    await bringing.again()
    await bringing.again()

    assert [record.__dict__["tags"] for record in caplog.records] == [
        {"origin": "http://service", "revision": "r1", "changed": "COUNT"},
        {"origin": "http://service", "revision": "r1", "changed": "nothing"},
    ]


async def test_cache_that_cannot_be_written_is_logged_and_the_values_hold(
    source: Source, pool: ThreadPool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    cache = Cache(CacheFile(tmp_path / "file" / "cache.json"), pool)

    assert await updates(source, ScriptedOrigin({"COUNT": 2}), cache).again()

    assert source.snapshot[COUNT] == 2
    assert caplog.records[-1].levelname == "ERROR"
    assert "cache of the dynamic config" in caplog.records[-1].getMessage()


async def test_cache_that_could_not_be_written_is_written_at_the_next_update(
    source: Source, pool: ThreadPool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "folder"
    folder.write_text("in the way")
    cache = Cache(CacheFile(folder / "cache.json"), pool)
    same = Unchanged("r1")
    bringing = updates(source, ScriptedOrigin({"COUNT": 2}, same, same, same), cache)
    await bringing.again()
    await bringing.again()
    assert len(caplog.records) == 1

    folder.unlink()
    await bringing.again()
    assert json.loads(cache.file.path.read_text()) == {"COUNT": 2}

    cache.file.path.unlink()
    await bringing.again()
    assert not cache.file.path.exists(), "what is written is not written again"
