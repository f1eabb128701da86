"""A backup that is put into the file of the config service while it runs."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.functional.test_config_service import MODULE, Admin, shipped_config
from tests.helpers.service_process import running_service


def copy(source: Path, target: Path) -> None:
    """Do what `.backup` and `.restore` of sqlite3 do."""
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


def test_backup_that_is_put_into_the_open_file_is_what_each_process_serves(tmp_path: Path) -> None:
    file, backup, lost = (tmp_path / f"{name}.sqlite3" for name in ("config", "backup", "lost"))
    with running_service(tmp_path, shipped_config(tmp_path, 2), module=MODULE) as service:
        admin = Admin(service)
        seen = admin.set("A", 1).headers["ETag"]
        copy(file, backup)
        admin.set("A", 2, seen)
        admin.set("B", 2)
        known = admin.poll(ids=["A", "B"])

        copy(file, lost)
        copy(backup, file)
        asked = {"ids": ["A", "B"], "updated_since": known["updated_at"]}
        answers = [admin.poll(**asked) for _ in range(20)]
        assert {str((each["configs"], each["removed"])) for each in answers} == {
            "({'A': 1}, ['B'])"
        }

        # Whoever thought that it was right may put the later file back.
        copy(lost, file)
        asked["updated_since"] = answers[0]["updated_at"]
        assert {str(admin.poll(**asked)["configs"]) for _ in range(20)} == {"{'A': 2, 'B': 2}"}

        copy(backup, file)
        changed = admin.set("A", 3, seen)
        assert (changed.status_code, changed.json()["revision"]) == (200, 2)
        assert {str(admin.poll()["configs"]) for _ in range(20)} == {"{'A': 3}"}
        assert [each["value"] for each in admin.history()] == [1, 3]
        service.wait_for_line("holds another history .*: all is read anew")
