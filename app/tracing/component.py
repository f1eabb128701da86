"""The `tracer` section."""

from typing import Annotated

from pydantic import Field

from app.components.component import Component, ComponentConfig
from app.static_config.model import NO_EFFECT_YET


class TracerComponent(Component):
    """Names the service in what it tells others about its requests."""

    name = "tracer"

    class Config(ComponentConfig):
        """Options of the `tracer` section."""

        service_name: Annotated[str, NO_EFFECT_YET] = Field(
            default="", alias="service-name", description="What other systems call this service."
        )
