"""The variables of the kit: each value in the original's file is good, and no bad one is."""

import json
import pickle
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import ValidationError

from app.caches.variables import USERVER_CACHES, USERVER_DUMPS, USERVER_LRU_CACHES
from app.congestion_control.variables import (
    USERVER_RPS_CCONTROL,
    USERVER_RPS_CCONTROL_CUSTOM_STATUS,
)
from app.dynamic_config.snapshot import parse_snapshot
from app.dynamic_config.variable import Variable
from app.http_client.variables import HTTP_CLIENT_CONNECT_THROTTLE
from app.kit_variables import KIT_VARIABLES
from app.logs.variables import USERVER_LOG_DYNAMIC_DEBUG
from app.static_config.errors import ConfigFileError
from app.task_processors.variables import (
    USERVER_TASK_PROCESSOR_PROFILER_DEBUG,
    USERVER_TASK_PROCESSOR_QOS,
)
from tests.helpers.documents import plain_document

FILE: Final = Path(__file__).parents[1] / "data/original/dynamic_config_fallback.json"
IN_FILE: Final[dict[str, Any]] = json.loads(FILE.read_bytes())
BY_NAME: Final[dict[str, Variable[Any]]] = {variable.name: variable for variable in KIT_VARIABLES}

# What a variable is where nobody gives a value; all others are as in the file.
DEFAULTS_UNLIKE_THE_FILE: Final[dict[str, Any]] = {
    # The keys in the file are read by nobody in the original.
    "HTTP_CLIENT_CONNECT_THROTTLE": {
        "http-limit": 6000,
        "http-per-second": 1500,
        "https-limit": 100,
        "https-per-second": 25,
        "per-host-limit": 3000,
        "per-host-per-second": 500,
    },
}

# What a variable is that the file does not name, where nobody gives a value.
DEFAULTS_OF_OTHERS: Final[dict[str, Any]] = {
    "USERVER_LOG_REQUEST_HEADERS_WHITELIST": [],
    "WEBSOCKET_LIMITS": {},
}


def but(value: dict[str, Any], **changes: object) -> dict[str, Any]:
    """Return `value` with other values for some of its keys, spelled with underscores."""
    return {**value, **{name.replace("_", "-"): changed for name, changed in changes.items()}}


def without(value: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: kept for name, kept in value.items() if name != key}


def changed(value: dict[str, Any], key: str, to: object) -> dict[str, Any]:
    return {**value, key: to}


NO_BOOL: Final[list[Any]] = [None, 0, 1, "true", "", [], {}]
NO_COUNT: Final[list[Any]] = [None, -1, 1.0, "1", True, [], {}]
NO_STRING: Final[list[Any]] = [None, 0, True, ["a"], {}]
NO_STRINGS: Final[list[Any]] = [None, "a", {}, [1], [None], ["a", True], [["a"]]]
NO_OBJECT: Final[list[Any]] = [None, True, 0, "", [], [{}]]

CACHE: Final[dict[str, Any]] = {
    "update-interval-ms": 1,
    "update-jitter-ms": 0,
    "full-update-interval-ms": 0,
}
LRU_CACHE: Final[dict[str, Any]] = {"size": 1, "lifetime-ms": 0}
LOG_PLACES: Final[dict[str, Any]] = {"force-enabled": [], "force-disabled": []}
NO_SPANS: Final[dict[str, Any]] = {"names": [], "prefixes": []}
RPS: Final[dict[str, Any]] = IN_FILE["USERVER_RPS_CCONTROL"]
THROTTLE_KEYS: Final = [
    "http-limit",
    "http-per-second",
    "https-limit",
    "https-per-second",
    "per-host-limit",
    "per-host-per-second",
    "max-size",
    "token-update-interval-ms",
    "http-max-size",
    "http-token-update-interval-ms",
]
PROFILER: Final[dict[str, Any]] = {"enabled": False, "execution-slice-threshold-us": 1}
OVERLOAD: Final[dict[str, Any]] = {"time_limit_us": 0, "length_limit": 0, "action": "ignore"}
LEVELS: Final = ["TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "NONE"]


def qos(overload: object, processor: str = "default-task-processor") -> dict[str, Any]:
    """Return a quality of service in which one task processor has these limits."""
    default = {"default-task-processor": {"wait_queue_overload": OVERLOAD}}
    return {"default-service": {**default, processor: {"wait_queue_overload": overload}}}


GOOD: Final[dict[str, list[Any]]] = {
    "BAGGAGE_SETTINGS": [{"allowed_keys": ["", "a", "b"]}],
    "HTTP_CLIENT_CONNECTION_POOL_SIZE": [0, 1, 10**9],
    "HTTP_CLIENT_CONNECT_THROTTLE": [{}, *({key: 0} for key in THROTTLE_KEYS)],
    "USERVER_BAGGAGE_ENABLED": [True],
    "USERVER_CACHES": [
        {"a": CACHE, "b": CACHE},
        {"a": but(CACHE, full_update_jitter_ms=0, exception_interval_ms=0)},
        {"a": but(CACHE, updates_enabled=False, alert_on_failing_to_update_times=0)},
    ],
    "USERVER_CANCEL_HANDLE_REQUEST_BY_DEADLINE": [True],
    "USERVER_CHECK_AUTH_IN_HANDLERS": [False],
    "USERVER_DEADLINE_PROPAGATION_ENABLED": [False],
    "USERVER_DUMPS": [
        {"a": {}},
        {"a": {"dumps-enabled": False, "min-dump-interval-ms": 0}},
    ],
    "USERVER_FILES_CONTENT_TYPE_MAP": [
        {},
        {"__default__": "text/plain"},
        {".tar.gz": "application/x-gtar", ".htm-5": 'text/html; charset="utf-8" ;a=b'},
    ],
    "USERVER_HANDLER_STREAM_API_ENABLED": [True],
    "USERVER_HTTP_PROXY": ["localhost:3128", "socks5://user:secret@proxy:1080"],
    "USERVER_LOG_DYNAMIC_DEBUG": [
        {"force-enabled": ["app/chat"], "force-disabled": ["app/chat/handler.py:7", ""]},
        *(but(LOG_PLACES, force_enabled_level={"app/chat": level}) for level in LEVELS),
        *(but(LOG_PLACES, force_disabled_level={"app/chat": level}) for level in LEVELS),
    ],
    "USERVER_LOG_REQUEST": [False],
    "USERVER_LOG_REQUEST_HEADERS": [True],
    "USERVER_LOG_REQUEST_HEADERS_WHITELIST": [[], ["Host", "x-request-id", "a!#$%&'*+.^_`|~0"]],
    "USERVER_LRU_CACHES": [{"a": LRU_CACHE}, {"a": but(LRU_CACHE, background_update=True)}],
    "USERVER_NO_LOG_SPANS": [{"names": ["http/chat"], "prefixes": ["update-task/", ""]}],
    "USERVER_RPS_CCONTROL": [
        but(RPS, min_limit=1),
        but(RPS, up_rate_percent=0.1, down_rate_percent=100),
        but(RPS, overload_on_seconds=0, overload_off_seconds=0, no_limit_seconds=0),
        but(RPS, up_level=0, down_level=0),
        but(RPS, load_limit_percent=0, load_limit_crit_percent=0, start_limit_factor=0.1),
    ],
    "USERVER_RPS_CCONTROL_ACTIVATED_FACTOR_METRIC": [1],
    "USERVER_RPS_CCONTROL_CUSTOM_STATUS": [
        {"initial-status-code": 300, "max-time-ms": 1},
        {"initial-status-code": 599},
    ],
    "USERVER_RPS_CCONTROL_ENABLED": [True],
    "USERVER_TASK_PROCESSOR_PROFILER_DEBUG": [
        {},
        {"nobody-has-this-name": PROFILER},
        {"a": but(PROFILER, enabled=True, profiler_force_stacktrace=True)},
    ],
    "USERVER_TASK_PROCESSOR_QOS": [
        qos(OVERLOAD),
        qos(without(OVERLOAD, "action")),
        qos(changed(OVERLOAD, "action", "cancel")),
        qos(changed(OVERLOAD, "sensor_time_limit_us", 0)),
        qos(OVERLOAD, "nobody-has-this-name"),
    ],
    "WEBSOCKET_LIMITS": [
        {"chat": {}, "": {}},
        {"chat": {"max-remote-payload": 1, "fragment-size": 0, "on-rate-limit": "close"}},
        *({"chat": {"ping-interval": time}} for time in ("0s", "1ms", "20s", "365d", 0, 20)),
        {"chat": {"send-buffer-low": 10**6}},
    ],
}

BAD: Final[dict[str, list[Any]]] = {
    "BAGGAGE_SETTINGS": [
        *NO_OBJECT,
        {},
        *({"allowed_keys": value} for value in NO_STRINGS),
        {"allowed_keys": [], "denied_keys": []},
    ],
    "HTTP_CLIENT_CONNECTION_POOL_SIZE": NO_COUNT,
    "HTTP_CLIENT_CONNECT_THROTTLE": [
        *NO_OBJECT,
        *({key: value} for key in THROTTLE_KEYS for value in NO_COUNT),
        {"https-max-size": 1},
        {"http_limit": 1},
    ],
    "USERVER_BAGGAGE_ENABLED": NO_BOOL,
    "USERVER_CACHES": [
        *NO_OBJECT,
        *({"a": value} for value in NO_OBJECT),
        *({"a": without(CACHE, key)} for key in CACHE),
        *({"a": changed(CACHE, key, value)} for key in CACHE for value in NO_COUNT),
        {"a": but(CACHE, update_interval_ms=0)},
        *({"a": but(CACHE, full_update_jitter_ms=value)} for value in (-1, 1.0, "1", True)),
        *({"a": but(CACHE, exception_interval_ms=value)} for value in (-1, 1.0, "1", True)),
        *({"a": but(CACHE, updates_enabled=value)} for value in NO_BOOL),
        *({"a": but(CACHE, alert_on_failing_to_update_times=value)} for value in NO_COUNT),
        {"a": but(CACHE, update_interval=1)},
        {"a": changed(CACHE, "updates_enabled", True)},
        {"good": CACHE, "bad": {}},
    ],
    "USERVER_CANCEL_HANDLE_REQUEST_BY_DEADLINE": NO_BOOL,
    "USERVER_CHECK_AUTH_IN_HANDLERS": NO_BOOL,
    "USERVER_DEADLINE_PROPAGATION_ENABLED": NO_BOOL,
    "USERVER_DUMPS": [
        *NO_OBJECT,
        *({"a": value} for value in NO_OBJECT),
        *({"a": {"dumps-enabled": value}} for value in NO_BOOL if value is not None),
        *({"a": {"min-dump-interval-ms": value}} for value in (-1, 1.0, "1", True)),
        {"a": {"min-dump-interval": 1}},
        {"a": {"dumps_enabled": True}},
    ],
    "USERVER_FILES_CONTENT_TYPE_MAP": [
        *NO_OBJECT,
        *({".html": value} for value in NO_STRING),
        *({".html": value} for value in ("", "html", "text/", "text/html;", "te xt/html")),
        *({".html": f"text/html{end}"} for end in ("\n", "\r\nSet-Cookie: a=b", ";a=\x00", "é")),
        *({end: "text/html"} for end in ("", "html", ".", "..", ".a/b", "default", "__DEFAULT__")),
    ],
    "USERVER_HANDLER_STREAM_API_ENABLED": NO_BOOL,
    "USERVER_HTTP_PROXY": NO_STRING,
    "USERVER_LOG_DYNAMIC_DEBUG": [
        *NO_OBJECT,
        *(without(LOG_PLACES, key) for key in LOG_PLACES),
        *(changed(LOG_PLACES, key, value) for key in LOG_PLACES for value in NO_STRINGS),
        *(but(LOG_PLACES, force_enabled_level=value) for value in NO_OBJECT),
        *(but(LOG_PLACES, force_disabled_level=value) for value in NO_OBJECT),
        *(but(LOG_PLACES, force_enabled_level={"a": value}) for value in ("debug", "ALL", 1, None)),
        *(but(LOG_PLACES, force_disabled_level={"a": value}) for value in ("info", "", 1, None)),
        but(LOG_PLACES, force_enable=[]),
    ],
    "USERVER_LOG_REQUEST": NO_BOOL,
    "USERVER_LOG_REQUEST_HEADERS": NO_BOOL,
    "USERVER_LOG_REQUEST_HEADERS_WHITELIST": [
        *NO_STRINGS,
        *([name] for name in ("", " host", "host:", "a b", "a\n", "é")),
    ],
    "USERVER_LRU_CACHES": [
        *NO_OBJECT,
        *({"a": value} for value in NO_OBJECT),
        *({"a": without(LRU_CACHE, key)} for key in LRU_CACHE),
        *({"a": changed(LRU_CACHE, key, value)} for key in LRU_CACHE for value in NO_COUNT),
        {"a": but(LRU_CACHE, size=0)},
        *({"a": but(LRU_CACHE, background_update=value)} for value in NO_BOOL),
        {"a": but(LRU_CACHE, ways=1)},
    ],
    "USERVER_NO_LOG_SPANS": [
        *NO_OBJECT,
        *(without(NO_SPANS, key) for key in NO_SPANS),
        *(changed(NO_SPANS, key, value) for key in NO_SPANS for value in NO_STRINGS),
        but(NO_SPANS, suffixes=[]),
    ],
    "USERVER_RPS_CCONTROL": [
        *NO_OBJECT,
        *(without(RPS, key) for key in RPS),
        *(
            changed(RPS, key, value)
            for key in RPS
            for value in NO_COUNT
            if not isinstance(value, float)
        ),
        *(
            changed(RPS, key, 1.5)
            for key in RPS
            if key not in ("up-rate-percent", "down-rate-percent")
        ),
        but(RPS, min_limit=0),
        *(but(RPS, up_rate_percent=value) for value in (0, 100.1, float("nan"))),
        *(but(RPS, down_rate_percent=value) for value in (0, 100.1, float("nan"))),
        *(but(RPS, load_limit_percent=value) for value in NO_COUNT),
        *(but(RPS, load_limit_crit_percent=value) for value in NO_COUNT),
        *(but(RPS, start_limit_factor=value) for value in (None, 0, -0.1, "0.75", True)),
        *(but(RPS, start_limit_factor=float(value)) for value in ("nan", "inf")),
        but(RPS, max_limit=100),
        changed(RPS, "load_limit_percent", 1),
    ],
    "USERVER_RPS_CCONTROL_ACTIVATED_FACTOR_METRIC": [*NO_COUNT, 0],
    "USERVER_RPS_CCONTROL_CUSTOM_STATUS": [
        *NO_OBJECT,
        *({"initial-status-code": value} for value in (*NO_COUNT, 299, 600)),
        *({"max-time-ms": value} for value in (*NO_COUNT, 0)),
        {"status-code": 429},
        {"max_time_ms": 1},
    ],
    "USERVER_RPS_CCONTROL_ENABLED": NO_BOOL,
    "USERVER_TASK_PROCESSOR_PROFILER_DEBUG": [
        *NO_OBJECT,
        *({"a": value} for value in NO_OBJECT),
        *({"a": without(PROFILER, key)} for key in PROFILER),
        *({"a": but(PROFILER, enabled=value)} for value in NO_BOOL),
        *({"a": but(PROFILER, execution_slice_threshold_us=value)} for value in (*NO_COUNT, 0)),
        *({"a": but(PROFILER, profiler_force_stacktrace=value)} for value in NO_BOOL),
        {"a": but(PROFILER, threshold_us=1)},
    ],
    "USERVER_TASK_PROCESSOR_QOS": [
        *NO_OBJECT,
        {},
        {"default-service": {}},
        {"default-service": {"fs-task-processor": {"wait_queue_overload": OVERLOAD}}},
        {"default_service": qos(OVERLOAD)["default-service"]},
        {**qos(OVERLOAD), "other-service": {}},
        *({"default-service": value} for value in NO_OBJECT),
        *({"default-service": {"default-task-processor": value}} for value in (*NO_OBJECT, {})),
        *(qos(value) for value in NO_OBJECT),
        *(qos(value, "fs-task-processor") for value in (*NO_OBJECT, {})),
        *(qos(without(OVERLOAD, key)) for key in ("time_limit_us", "length_limit")),
        *(
            qos(changed(OVERLOAD, key, value))
            for key in ("time_limit_us", "length_limit", "sensor_time_limit_us")
            for value in NO_COUNT
        ),
        *(qos(changed(OVERLOAD, "action", value)) for value in ("CANCEL", "drop", "", None, 1)),
        qos(changed(OVERLOAD, "time-limit-us", 0)),
    ],
    "WEBSOCKET_LIMITS": [
        *NO_OBJECT,
        *({"chat": value} for value in NO_OBJECT),
        *({"chat": {"max-connections": value}} for value in NO_COUNT),
        *({"chat": {"max-remote-payload": value}} for value in (*NO_COUNT, 0)),
        *({"chat": {"ping-interval": value}} for value in (None, -1, 1.5, "", "1.5s", "366d")),
        *({"chat": {"close-timeout": value}} for value in (0, "0s", "61m", True)),
        *({"chat": {"on-rate-limit": value}} for value in (None, "", "PAUSE", 1)),
        *({"chat": {option: None}} for option in ("path", "max_connections", "allowed-origins")),
    ],
}


def test_variables_are_those_of_the_original_and_ours_and_each_is_there_once() -> None:
    expected = sorted([*IN_FILE, *DEFAULTS_OF_OTHERS])

    assert sorted(variable.name for variable in KIT_VARIABLES) == expected


def test_tables_of_this_file_miss_no_variable() -> None:
    assert set(GOOD) == set(BAD) == set(BY_NAME)


def test_values_of_the_original_are_good_together() -> None:
    snapshot = parse_snapshot(plain_document(str(FILE), IN_FILE), KIT_VARIABLES)

    for name, value in IN_FILE.items():
        assert snapshot[BY_NAME[name]] == BY_NAME[name].parse(value)


@pytest.mark.parametrize("name", IN_FILE)
def test_default_is_the_value_of_the_original(name: str) -> None:
    expected = DEFAULTS_UNLIKE_THE_FILE.get(name, IN_FILE[name])

    assert BY_NAME[name].default == BY_NAME[name].parse(expected)


@pytest.mark.parametrize("name", DEFAULTS_OF_OTHERS)
def test_default_of_what_the_file_does_not_name(name: str) -> None:
    assert BY_NAME[name].default == BY_NAME[name].parse(DEFAULTS_OF_OTHERS[name])


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in GOOD.items() for value in values],
    ids=str,
)
def test_good_value_is_taken(name: str, value: object) -> None:
    snapshot = parse_snapshot(plain_document("test", {name: value}), KIT_VARIABLES)

    assert snapshot[BY_NAME[name]] == BY_NAME[name].parse(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in BAD.items() for value in values],
    ids=str,
)
def test_bad_value_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError):
        BY_NAME[name].parse(value)


@pytest.mark.parametrize("name", BY_NAME)
def test_pickling_keeps_name_and_default(name: str) -> None:
    copy = pickle.loads(pickle.dumps(BY_NAME[name]))

    assert copy.name == name
    assert copy.default == BY_NAME[name].default


def test_cache_updates_have_the_defaults_of_the_original() -> None:
    cache = USERVER_CACHES.parse({"a": CACHE})["a"]

    assert cache.full_update_jitter_ms is None
    assert cache.exception_interval_ms is None
    assert cache.updates_enabled
    assert cache.alert_on_failing_to_update_times == 0


def test_lru_cache_does_not_update_in_the_background_unless_told() -> None:
    assert not USERVER_LRU_CACHES.parse({"a": LRU_CACHE})["a"].background_update


def test_dump_that_is_not_told_is_as_in_its_section() -> None:
    dumps = USERVER_DUMPS.parse({"a": {}})["a"]

    assert dumps.dumps_enabled is None
    assert dumps.min_dump_interval_ms is None


def test_throttle_that_is_not_told_is_no_limit() -> None:
    throttle = HTTP_CLIENT_CONNECT_THROTTLE.parse({})

    assert set(throttle.model_dump().values()) == {0}


def test_log_places_have_no_levels_of_their_own_unless_told() -> None:
    places = USERVER_LOG_DYNAMIC_DEBUG.parse(LOG_PLACES)

    assert places.force_enabled_level == {}
    assert places.force_disabled_level == {}


def test_congestion_control_has_the_defaults_of_the_original() -> None:
    control = USERVER_RPS_CCONTROL.parse(RPS)

    assert control.load_limit_percent == 0
    assert control.load_limit_crit_percent > 100
    assert control.start_limit_factor == 0.75


def test_custom_status_has_the_defaults_of_the_original() -> None:
    status = USERVER_RPS_CCONTROL_CUSTOM_STATUS.parse({})

    assert (status.initial_status_code, status.max_time_ms) == (429, 10000)


def test_slice_profiler_shows_no_stack_unless_told() -> None:
    profiler = USERVER_TASK_PROCESSOR_PROFILER_DEBUG.parse({"a": PROFILER})["a"]

    assert not profiler.profiler_force_stacktrace


def test_quality_of_service_has_the_defaults_of_the_original() -> None:
    limits = {"time_limit_us": 1, "length_limit": 2}
    service = USERVER_TASK_PROCESSOR_QOS.parse(qos(limits)).default_service
    overload = service["default-task-processor"].wait_queue_overload

    assert overload.action == "ignore"
    assert overload.sensor_time_limit_us == 3000


def test_missing_default_quality_of_service_is_named() -> None:
    document = plain_document("values", {USERVER_TASK_PROCESSOR_QOS.name: {"default-service": {}}})

    with pytest.raises(ConfigFileError) as caught:
        parse_snapshot(document, [USERVER_TASK_PROCESSOR_QOS])

    assert str(caught.value) == (
        "values: USERVER_TASK_PROCESSOR_QOS.default-service.default-task-processor:"
        " required, but not there"
    )
