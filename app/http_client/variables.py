"""The variables of outgoing HTTP: kept connections, how fast new ones are made, the proxy."""

from typing import Annotated

from pydantic import Field

from app.dynamic_config.variable import Variable
from app.static_config.model import ConfigModel

Count = Annotated[int, Field(ge=0)]


class ConnectThrottle(ConfigModel):
    """Token buckets for new sockets: size and tokens per second; 0 means no limit.

    The last four keys are those of older files: accepted, and without a meaning also in the
    original.
    """

    http_limit: Count = Field(default=0, alias="http-limit")
    http_per_second: Count = Field(default=0, alias="http-per-second")
    https_limit: Count = Field(default=0, alias="https-limit")
    https_per_second: Count = Field(default=0, alias="https-per-second")
    per_host_limit: Count = Field(default=0, alias="per-host-limit")
    per_host_per_second: Count = Field(default=0, alias="per-host-per-second")
    max_size: Count = Field(default=0, alias="max-size")
    token_update_interval_ms: Count = Field(default=0, alias="token-update-interval-ms")
    http_max_size: Count = Field(default=0, alias="http-max-size")
    http_token_update_interval_ms: Count = Field(default=0, alias="http-token-update-interval-ms")


HTTP_CLIENT_CONNECTION_POOL_SIZE = Variable(
    "HTTP_CLIENT_CONNECTION_POOL_SIZE", Count, 1000, no_effect_yet=True
)
HTTP_CLIENT_CONNECT_THROTTLE = Variable(
    "HTTP_CLIENT_CONNECT_THROTTLE",
    ConnectThrottle,
    {
        "http-limit": 6000,
        "http-per-second": 1500,
        "https-limit": 100,
        "https-per-second": 25,
        "per-host-limit": 3000,
        "per-host-per-second": 500,
    },
    no_effect_yet=True,
)
USERVER_HTTP_PROXY = Variable("USERVER_HTTP_PROXY", str, "", no_effect_yet=True)
