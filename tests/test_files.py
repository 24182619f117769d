"""Files that a crash cannot halve, and directories that it cannot lose."""

import errno
import os
import stat

import pytest

from nearfield import files
from nearfield.errors import StorageError
from nearfield.files import is_leftover, make_directory, replace_file


def test_a_file_of_the_users_beside_the_one_that_is_replaced_is_left_alone(tmp_path, monkeypatch):
    (tmp_path / "report.json.new").write_text("mine")
    replace_file(tmp_path / "report.json", b"{}")
    assert (tmp_path / "report.json.new").read_text() == "mine"
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(errno.EIO, "Input/output error")))
    with pytest.raises(StorageError, match="Input/output error"):
        replace_file(tmp_path / "report.json", b"[]")
    assert (tmp_path / "report.json").read_bytes() == b"{}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json", "report.json.new"]


def test_what_a_killed_replacement_leaves_is_recognised_and_each_has_a_name_of_its_own(tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(Killed))
        patch.setattr("pathlib.Path.unlink", lambda *_: None)  # a killed process does not tidy up
        for _ in range(2):
            with pytest.raises(Killed):
                replace_file(tmp_path / "store.json", b"{}")
    left = [path.name for path in tmp_path.iterdir()]
    assert len(left) == 2
    assert all(is_leftover(name, "store.json") and name.startswith(".store.json.") for name in left)
    assert is_leftover("store.json.new", "store.json")  # as versions before this one named it
    assert not any(
        is_leftover(name, "store.json") for name in ("store.json", "new", "my.store.json.new", ".x.json.new")
    )


@pytest.mark.skipif(os.name == "nt", reason="permissions and pipes of this kind are POSIX's")
def test_a_replaced_file_has_the_permissions_that_the_umask_leaves(tmp_path):
    before = os.umask(0o027)
    try:
        replace_file(tmp_path / "f", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o640


@pytest.mark.skipif(os.name == "nt", reason="permissions and pipes of this kind are POSIX's")
def test_a_device_or_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/null")
    for name in ("pipe", "link"):
        with pytest.raises(StorageError, match=f"{name} is not a regular file and would be lost; choose another name"):
            replace_file(tmp_path / name, b"x")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe"]


def test_the_parent_of_every_directory_that_is_made_is_synced(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(files, "sync_directory", synced.append)
    make_directory(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()
    assert set(synced) == {tmp_path, tmp_path / "a", tmp_path / "a" / "b"}
    synced.clear()
    make_directory(tmp_path / "a" / "b")  # perhaps by a process that was killed before it could sync
    assert synced == [tmp_path / "a"]
