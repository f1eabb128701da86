import importlib.util
import sys

import pytest
from websockets.utils import apply_mask as reference

from app.websocket.masking import apply_mask

KEY = b"\x00\x01\x80\xff"


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 1000])
def test_each_byte_is_masked_with_its_byte_of_the_key(size: int) -> None:
    data = bytes(number % 256 for number in range(size))

    assert apply_mask(data, KEY) == bytes(each ^ KEY[i % 4] for i, each in enumerate(data))


def test_masks_are_undone_without_the_c_extension_too(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.find_spec("app.websocket.masking")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "websockets.speedups", None)
    spec.loader.exec_module(module)

    assert module.apply_mask is reference
