"""Programs that another user can run: a checkout below /root cannot be entered by the user a server
or a test runs as."""
import atexit
import functools
import os
import pathlib
import shutil
import stat
import tempfile


def others_may_enter(path):
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in pathlib.Path(path).parents)


@functools.lru_cache(maxsize=None)
def _folder():
    folder = tempfile.mkdtemp(prefix="pgflame-programs-", dir="/tmp")
    os.chmod(folder, 0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.lru_cache(maxsize=None)
def reachable(path):
    """The file or folder itself, or a copy in /tmp that goes when this process ends."""
    path = os.path.realpath(path)
    if others_may_enter(path):
        return path
    copy = os.path.join(tempfile.mkdtemp(dir=_folder()), os.path.basename(path))
    os.chmod(os.path.dirname(copy), 0o755)
    if os.path.isdir(path):
        return shutil.copytree(path, copy, symlinks=True)
    return shutil.copy(path, copy)
