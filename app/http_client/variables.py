"""The variables of outgoing HTTP: kept connections, how fast new ones are made, the proxy."""

from typing import Annotated, Final

from pydantic import Field

from app.dynamic_config.variable import Variable
from app.http_client.proxy import Proxy
from app.static_config.model import ConfigModel

Count = Annotated[int, Field(ge=0)]


_OLD: Final = "Of older files, without effect: also the original only accepts it."


class ConnectThrottle(ConfigModel):
    """How fast new connections are made.

    Each limit is a bucket of tokens, one for each new connection: so many fit in, and so many come
    back per second. Without a token the request fails at once. A request on a kept connection needs
    none.
    """

    http_limit: Count = Field(
        default=0,
        alias="http-limit",
        description="New http connections at once. 0: no limit.",
    )
    http_per_second: Count = Field(
        default=0,
        alias="http-per-second",
        description="New http connections per second. 0: no limit, not even at once.",
    )
    https_limit: Count = Field(
        default=0,
        alias="https-limit",
        description="New https connections at once. 0: no limit.",
    )
    https_per_second: Count = Field(
        default=0,
        alias="https-per-second",
        description="New https connections per second. 0: no limit, not even at once.",
    )
    per_host_limit: Count = Field(
        default=0,
        alias="per-host-limit",
        description="New connections to one host at once. 0: no limit.",
    )
    per_host_per_second: Count = Field(
        default=0,
        alias="per-host-per-second",
        description="New connections to one host per second. 0: no limit, not even at once.",
    )
    max_size: Count = Field(default=0, alias="max-size", description=_OLD)
    token_update_interval_ms: Count = Field(
        default=0, alias="token-update-interval-ms", description=_OLD
    )
    http_max_size: Count = Field(default=0, alias="http-max-size", description=_OLD)
    http_token_update_interval_ms: Count = Field(
        default=0, alias="http-token-update-interval-ms", description=_OLD
    )


HTTP_CLIENT_CONNECTION_POOL_SIZE = Variable(
    "HTTP_CLIENT_CONNECTION_POOL_SIZE",
    Count,
    1000,
    description="Idle connections that are kept for later requests, to all hosts together. 0:"
    " none.",
    reader="`app/http_client`, after each request",
    no_effect_yet=True,
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
    description="How many new connections are made, at once and per second.",
    reader="`app/http_client`, at each new connection",
    no_effect_yet=True,
)
USERVER_HTTP_PROXY = Variable(
    "USERVER_HTTP_PROXY",
    Proxy,
    "",
    description="The proxy of outgoing requests: those to the config service."
    " `[scheme://][user:password@]host:port`, where `scheme` is `http`, as by default, `https`,"
    " `socks5` or `socks5h`. Empty: none; `http_proxy` in the environment has no effect.",
    reader="`app/config_updates`, at each request to the config service",
)
