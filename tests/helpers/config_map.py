"""What Kubernetes mounts as a ConfigMap."""

import shutil
from pathlib import Path


class ConfigMap:
    """A folder with one file, as the kubelet makes it and changes it: by links.

    `values.json` leads to `..data/values.json`, and `..data` to a folder with a date as its name.

    Args:
        folder: Where it is mounted.
        name: The name of the file.
    """

    def __init__(self, folder: Path, name: str = "values.json") -> None:
        self.path = folder / name
        self._folder = folder
        self._count = 0

    def put(self, content: str) -> None:
        """Change the contents, in the order in which the kubelet does it."""
        data, swapped = self._folder / "..data", self._folder / "..data_tmp"
        before = data.readlink() if data.is_symlink() else None
        self._count += 1
        dated = f"..2026_01_01_00_00_{self._count:02}.123"
        (self._folder / dated).mkdir(parents=True)
        (self._folder / dated / self.path.name).write_text(content)
        swapped.symlink_to(dated)
        swapped.rename(data)
        if before is None:
            self.path.symlink_to(Path("..data") / self.path.name)
        else:
            shutil.rmtree(self._folder / before)
