"""How a Uvicorn that somebody else has started comes to use our HTTP class.

All that is known of Uvicorn's insides for this is in this file, and tests hold it to that.
"""

import logging
from typing import Final

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.server.http_limits import HttpLimits
from app.server.protocol_factory import HttpProtocolFactory

logger = logging.getLogger(__name__)

UNUSED_OPTIONS: Final = {
    "ws_max_size": (16 * 1024 * 1024, "holds for routes of your own only"),
    "ws_max_queue": (32, "has no effect"),
    "ws_ping_interval": (20.0, "holds for routes of your own only"),
    "ws_ping_timeout": (20.0, "holds for routes of your own only"),
}
"""Options of Uvicorn that mean less on the direct path: their defaults, and what they mean."""


def adopt(receive: object, limits: HttpLimits) -> None:
    """Make the Uvicorn that runs this lifespan use the direct path, and say so if it cannot.

    To be called before the first connection is accepted: at the start-up of the lifespan.

    Args:
        receive: What the lifespan was called with.
        limits: Those of the listener.
    """
    config = _config_of(receive)
    reason = "the server is not Uvicorn" if config is None else _refusal(config)
    if config is None or reason is not None:
        logger.info(
            "portable path, because %s: fragment-size, max-fragments,"
            " max-control-frames-per-second, ping-interval, ping-timeout, send-buffer-high,"
            " send-buffer-low, compression and the limits of the listener have no effect; an end is"
            " noticed only while a handler receives or sends, and its cause is what the server"
            " tells of it; the server's own limits come first",
            reason,
        )
        return
    if not _is_ours(config):
        config.http_protocol_class = HttpProtocolFactory(limits).as_class()
    for option, (default, meaning) in UNUSED_OPTIONS.items():
        if getattr(config, option) != default:
            logger.warning(
                "--%s %s: limits are options of each handler in the static config",
                option.replace("_", "-"),
                meaning,
            )


def _config_of(receive: object) -> Config | None:
    """Return the config of the Uvicorn that calls us, or None if it is another server."""
    # Uvicorn hands out a bound method of its lifespan object; at log level trace a function that
    # calls that method.
    cells = getattr(receive, "__closure__", None) or ()
    for method in (receive, *(cell.cell_contents for cell in cells)):
        config = getattr(getattr(method, "__self__", None), "config", None)
        # Hypercorn's objects have a `config`, too.
        if isinstance(config, Config):
            return config
    return None


def _is_ours(config: Config) -> bool:
    """Return whether this Uvicorn was started with our HTTP class, as `python -m app` does."""
    return isinstance(config.http_protocol_class, HttpProtocolFactory)


def _refusal(config: Config) -> str | None:
    """Return why this Uvicorn must be left as it is, or None."""
    if _is_ours(config):
        return None
    if config.ws != "auto" or config.http != "auto":
        return f"Uvicorn was told to use --ws {config.ws} and --http {config.http}"
    if config.ws_protocol_class is None:
        return "Uvicorn was told to use no WebSockets"
    if config.http_protocol_class is not HttpToolsProtocol:
        return "httptools is not installed"
    return None
