import asyncio
import contextlib
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pydantic import Field
from typing_extensions import override

from app.components.component import Component, ComponentConfig
from app.components.component_list import ComponentList
from app.components.errors import (
    ComponentGraphError,
    ComponentStartError,
    MissingSectionError,
    RefusedError,
)
from app.components.manager import ComponentManager
from app.components.static_config import check_static_config
from app.exceptions import ConfigError
from app.static_config.document import OptionPath
from app.static_config.errors import OptionError
from tests.helpers.documents import plain_document

TIMEOUT = 10.0


class Journal(list[str]):
    """What components have done, in order."""


class Recording(Component):
    def __init__(self, journal: Journal, section: str) -> None:
        self.journal = journal
        self.section = section

    @override
    async def start(self) -> None:
        self.journal.append(f"start {self.section}")

    @override
    async def stop(self) -> None:
        self.journal.append(f"stop {self.section}")


class Base(Recording):
    name = "base"


class Middle(Recording):
    name = "middle"

    def __init__(self, journal: Journal, section: str, base: Base) -> None:
        super().__init__(journal, section)
        self.base = base


class Top(Recording):
    name = "top"

    def __init__(self, journal: Journal, section: str, middle: Middle, base: Base) -> None:
        super().__init__(journal, section)
        self.middle = middle
        self.base = base


class FailingToStart(Recording):
    name = "failing"

    def __init__(self, journal: Journal, section: str, middle: Middle) -> None:
        super().__init__(journal, section)

    @override
    async def start(self) -> None:
        await super().start()
        raise RuntimeError("no fuel")


class FailingToStop(Recording):
    name = "failing"

    def __init__(self, journal: Journal, section: str, base: Base) -> None:
        super().__init__(journal, section)

    @override
    async def stop(self) -> None:
        await super().stop()
        raise RuntimeError("no brakes")


class HangingAtStart(Recording):
    name = "hanging"

    def __init__(self, journal: Journal, section: str, base: Base) -> None:
        super().__init__(journal, section)
        self.hangs = asyncio.Event()

    @override
    async def start(self) -> None:
        self.hangs.set()
        await asyncio.Event().wait()


class Threaded(Recording):
    name = "threaded"
    needs_lifespan = True


class NeedingThreads(Recording):
    name = "needing-threads"

    def __init__(self, journal: Journal, section: str, threaded: Threaded) -> None:
        super().__init__(journal, section)


class Tank(Component):
    name = "tank"

    class Config(ComponentConfig):
        litres: int = Field(default=40, ge=1)

    def __init__(self, config: Config) -> None:
        if config.litres > 1000:
            raise OptionError({("litres",): f"too many for a tank (got {config.litres})"})
        self.litres = config.litres


class Engine(Component):
    name = "engine"

    class Config(ComponentConfig):
        cylinders: int

    def __init__(self, config: Config) -> None:
        self.cylinders = config.cylinders


class Truck(Component):
    name = "truck"

    def __init__(self, tank: Tank) -> None:
        self.tank = tank


class Trailer(Component):
    name = "trailer"

    def __init__(self, truck: Truck) -> None:
        self.truck = truck


def build(
    components: ComponentList,
    *values: object,
    sections: Mapping[str, Any] | None = None,
) -> ComponentManager:
    manager = {
        "task_processors": {"main-task-processor": {"worker_threads": 1}},
        "default_task_processor": "main-task-processor",
        "components": sections or {},
    }
    document = {"components_manager": manager}
    checked = check_static_config(plain_document("test", document), components)
    return ComponentManager(components, checked.components, values, checked.broken)


def refusals(error: RefusedError) -> dict[str, dict[OptionPath, str]]:
    return {section: dict(refused.refusals) for section, refused in error.refusals.items()}


def recorded(*components: type[Component]) -> tuple[ComponentManager, Journal]:
    journal = Journal()
    return build(ComponentList(*components), journal), journal


async def test_components_start_in_order_of_need_and_stop_in_reverse() -> None:
    manager, journal = recorded(Top, Middle, Base)

    await manager.start()
    await manager.stop()

    assert manager.sections == ["base", "middle", "top"]
    assert journal == [
        "start base",
        "start middle",
        "start top",
        "stop top",
        "stop middle",
        "stop base",
    ]


async def test_nothing_starts_before_it_is_told() -> None:
    manager, journal = recorded(Base, Middle)

    assert manager.sections == ["base", "middle"]
    assert journal == []


async def test_failing_start_stops_what_has_started() -> None:
    manager, journal = recorded(FailingToStart, Middle, Base)

    with pytest.raises(ComponentStartError):
        await manager.start()

    assert journal == ["start base", "start middle", "start failing", "stop middle", "stop base"]


async def test_failing_start_is_named_and_its_cause_chained() -> None:
    manager, _ = recorded(Base, Middle, FailingToStart)

    with pytest.raises(ComponentStartError) as caught:
        await manager.start()

    assert caught.value.section == "failing"
    assert str(caught.value) == "component 'failing' could not start: no fuel"
    assert isinstance(caught.value.__cause__, RuntimeError)


async def test_what_comes_after_a_failing_start_is_not_started() -> None:
    class NeedingTheFailing(Recording):
        name = "after"

        def __init__(self, journal: Journal, section: str, failing: FailingToStart) -> None:
            super().__init__(journal, section)

    manager, journal = recorded(Base, Middle, FailingToStart, NeedingTheFailing)

    with pytest.raises(ComponentStartError):
        await manager.start()

    assert "start after" not in journal
    assert "stop after" not in journal


async def test_cancelled_start_stops_what_has_started() -> None:
    manager, journal = recorded(Base, HangingAtStart)
    starting = asyncio.create_task(manager.start())
    await asyncio.wait_for(manager.find(HangingAtStart).hangs.wait(), TIMEOUT)

    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(starting, TIMEOUT)

    assert journal == ["start base", "stop base"]


async def test_failing_stop_is_logged_and_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    manager, journal = recorded(Base, FailingToStop)
    await manager.start()

    await manager.stop()

    assert journal[2:] == ["stop failing", "stop base"]
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == "component 'failing' failed to stop"
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], RuntimeError)


async def test_component_is_stopped_once() -> None:
    manager, journal = recorded(Base)
    await manager.start()

    await manager.stop()
    await manager.stop()

    assert journal == ["start base", "stop base"]


async def test_component_that_needs_a_lifespan_is_left_out_without_one() -> None:
    manager, journal = recorded(Base, Threaded, NeedingThreads)

    await manager.start(lifespan=False)
    await manager.stop()

    assert manager.sections == ["base", "threaded", "needing-threads"]
    assert journal == [
        "start base",
        "start needing-threads",
        "stop needing-threads",
        "stop base",
    ]


async def test_component_that_needs_a_lifespan_is_started_in_one() -> None:
    manager, journal = recorded(Threaded)

    await manager.start(lifespan=True)

    assert journal == ["start threaded"]


class WarningsSeen(logging.Handler):
    """Keeps messages, and lets tasks wait until there are enough of them."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []
        self.more = asyncio.Event()

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())
        self.more.set()

    async def wait_for(self, count: int, beginning: str) -> None:
        async with asyncio.timeout(TIMEOUT):
            while sum(message.startswith(beginning) for message in self.messages) < count:
                self.more.clear()
                await self.more.wait()


@contextlib.contextmanager
def warnings_of_the_manager() -> Iterator[WarningsSeen]:
    logger = logging.getLogger("app.components.manager")
    seen = WarningsSeen()
    logger.addHandler(seen)
    try:
        yield seen
    finally:
        logger.removeHandler(seen)


class StartingUntilTold(Component):
    """Takes its time until the log has named it."""

    name = "slow"

    def __init__(self, seen: WarningsSeen, section: str) -> None:
        self._seen = seen
        self._section = section

    @override
    async def start(self) -> None:
        await self._seen.wait_for(2, f"component {self._section!r} is still starting after ")

    @override
    async def stop(self) -> None:
        await self._seen.wait_for(2, f"component {self._section!r} is still stopping after ")


async def test_slow_component_is_named_in_the_log_while_it_starts_and_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.components.manager.SLOW_AFTER", 0.01)
    components = ComponentList(StartingUntilTold).append(StartingUntilTold, "next")
    with warnings_of_the_manager() as seen:
        manager = build(components, seen)

        await manager.start()
        await manager.stop()

    told = [message.partition(" after ")[0] for message in seen.messages]
    assert told == [
        *["component 'slow' is still starting"] * 2,
        *["component 'next' is still starting"] * 2,
        *["component 'next' is still stopping"] * 2,
        *["component 'slow' is still stopping"] * 2,
    ]


async def test_component_in_time_is_not_named(caplog: pytest.LogCaptureFixture) -> None:
    manager, _ = recorded(Base)

    await manager.start()
    await manager.stop()

    assert caplog.records == []


def test_component_gets_the_options_of_its_section() -> None:
    sections = {"tank": {"litres": 60}, "engine": {"cylinders": 8}}

    manager = build(ComponentList(Tank, Engine), sections=sections)

    assert manager.find(Tank).litres == 60
    assert manager.find(Engine).cylinders == 8


def test_component_without_a_section_gets_its_defaults() -> None:
    assert build(ComponentList(Tank)).find(Tank).litres == 40


def test_component_gets_the_name_of_its_section() -> None:
    journal = Journal()

    manager = build(ComponentList().append(Base, "cellar"), journal)

    assert manager.find(Base).section == "cellar"


def test_component_gets_the_very_objects_that_it_needs() -> None:
    manager, journal = recorded(Top, Middle, Base)

    top = manager.find(Top)
    assert top.middle is manager.find(Middle)
    assert top.base is top.middle.base is manager.find(Base)
    assert top.journal is journal


def test_value_is_found_by_its_type() -> None:
    class Reader(Component):
        name = "reader"

        def __init__(self, number: int, text: str) -> None:
            self.got = (number, text)

    manager = build(ComponentList(Reader), "seven", 7)

    assert manager.find(Reader).got == (7, "seven")


def test_component_that_the_static_config_leaves_out_is_not_built() -> None:
    manager = build(ComponentList(Tank, Engine))

    assert manager.sections == ["tank"]
    with pytest.raises(ComponentGraphError, match="expected one Engine among the components"):
        manager.find(Engine)


def test_component_cannot_need_one_that_the_static_config_leaves_out() -> None:
    class Car(Component):
        name = "car"

        def __init__(self, engine: Engine) -> None:
            pass

    components = ComponentList(Engine, Car)

    with pytest.raises(MissingSectionError) as caught:
        build(components)

    assert (caught.value.section, caught.value.needed_by) == ("engine", "car")
    assert (
        str(caught.value)
        == "the section 'engine' is missing or has 'load-enabled: false': component 'car' needs it"
    )
    assert build(components, sections={"engine": {"cylinders": 4}}).sections == ["engine", "car"]


def test_component_that_refuses_its_options_is_not_built() -> None:
    with pytest.raises(RefusedError) as caught:
        build(ComponentList(Tank), sections={"tank": {"litres": 1001}})

    assert refusals(caught.value) == {"tank": {("litres",): "too many for a tank (got 1001)"}}
    assert str(caught.value) == "tank: litres: too many for a tank (got 1001)"


def test_refusals_of_all_components_are_collected() -> None:
    components = ComponentList(Tank).append(Tank, "reserve").append(Tank, "canister")

    with pytest.raises(RefusedError) as caught:
        build(components, sections={"tank": {"litres": 1001}, "reserve": {"litres": 2002}})

    assert list(refusals(caught.value)) == ["tank", "reserve"]


def test_refusal_that_names_no_option_is_one_of_the_section() -> None:
    class Sulking(Component):
        name = "sulking"

        def __init__(self) -> None:
            raise ConfigError("not today")

    with pytest.raises(RefusedError) as caught:
        build(ComponentList(Sulking))

    assert refusals(caught.value) == {"sulking": {(): "not today"}}


def test_nothing_is_said_of_what_needs_a_component_that_refuses() -> None:
    with pytest.raises(RefusedError) as caught:
        build(
            ComponentList(Truck, Trailer, Tank, Engine),
            sections={"tank": {"litres": 1001}, "engine": {"cylinders": 4}},
        )

    assert list(refusals(caught.value)) == ["tank"]


def test_nothing_is_said_of_a_broken_section_nor_of_what_needs_it() -> None:
    components = ComponentList(Truck, Trailer, Tank, Engine)

    manager = build(components, sections={"tank": {"litres": 0}, "engine": {"cylinders": 4}})

    assert manager.sections == ["engine"]


def test_refusals_of_what_needs_no_broken_section_are_told() -> None:
    components = ComponentList(Tank, Truck).append(Tank, "reserve")

    with pytest.raises(RefusedError) as caught:
        build(components, sections={"tank": {"litres": 0}, "reserve": {"litres": 1001}})

    assert list(refusals(caught.value)) == ["reserve"]


def test_exception_that_is_no_refusal_names_the_component() -> None:
    class Buggy(Component):
        name = "buggy"

        def __init__(self) -> None:
            raise KeyError("wheel")

    with pytest.raises(KeyError) as caught:
        build(ComponentList(Buggy))

    assert caught.value.__notes__ == ["while component 'buggy' was being built"]


def test_warnings_have_the_section_of_their_component() -> None:
    class Creaking(Component):
        name = "creaking"

        @override
        def warnings(self) -> Iterator[tuple[OptionPath, str]]:
            yield ("axle", "oil"), "low"
            yield (), "old"

    manager = build(ComponentList(Tank, Creaking).append(Creaking, "other"))

    assert list(manager.warnings()) == [
        ("creaking", ("axle", "oil"), "low"),
        ("creaking", (), "old"),
        ("other", ("axle", "oil"), "low"),
        ("other", (), "old"),
    ]


def test_component_is_found_by_its_base() -> None:
    manager, _ = recorded(Threaded)

    assert manager.find(Recording) is manager.find(Threaded)


def test_one_of_several_is_not_found() -> None:
    manager, _ = recorded(Base, Middle)

    with pytest.raises(ComponentGraphError) as caught:
        manager.find(Recording)

    assert str(caught.value) == "expected one Recording among the components, found 2"
