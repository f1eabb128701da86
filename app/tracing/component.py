"""The `tracer` section."""

from pydantic import Field

from app.components.component import Component, ComponentConfig


class TracerComponent(Component):
    """Names the service in what it tells others about its requests."""

    name = "tracer"

    class Config(ComponentConfig):
        """Options of the `tracer` section."""

        service_name: str = Field(
            default="",
            alias="service-name",
            description="Name of this service, in each of its log lines; empty: none.",
        )

    def __init__(self, config: Config) -> None:
        self.service_name = config.service_name
