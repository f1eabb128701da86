"""Masks of payloads, put on or taken off (RFC 6455 section 5.3): `apply_mask(data, key)`."""

try:
    from websockets.speedups import apply_mask
except ImportError:  # websockets was installed where its C extension could not be built
    from websockets.utils import apply_mask

__all__ = ["apply_mask"]
