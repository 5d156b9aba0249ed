"""Where compiled kernels are kept if numba finds no place: a directory of this user's own.

Numba keeps them beside the source or in the user's home. A service or a container whose user may
write to neither had no compiled kernels at all.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path


def private_directory() -> Path:
    """Return a directory for compiled code that nobody else can have written to.

    What lies in it is run. It is kept from session to session, as numba's own is.

    Raises
    ------
    OSError
        If there is none: nothing can be written, or somebody else has taken its name.
    """
    home = Path(tempfile.gettempdir()) / f"partita-kernels-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    found = home.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{str(home)!r} is not a directory of this user alone")
    return home
