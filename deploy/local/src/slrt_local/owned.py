"""Become another command that ends when its parent ends (Linux), optionally as another user.

Run as a file by `process.spawn`: ``python -I -S owned.py PARENT_PID SIGNAL UID:GID|- NICENESS COMMAND…``. A program
instead of ``preexec_fn``: the death signal must be set after the change of user (a change of credentials clears
it), and code between fork and exec is not safe in a process with threads.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Take the priority, change user, ask the kernel for the death signal, then exec."""
    parent, signal_number, user, niceness, *command = arguments
    os.nice(int(niceness))
    if user != "-":
        uid, gid = (int(part) for part in user.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0) != 0:
            sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
        if os.getppid() != int(parent):  # the parent died before we asked
            sys.exit("the launcher is gone")
    try:
        os.execvp(command[0], command)  # noqa: S606 — replacing ourselves with the part is the purpose
    except OSError as error:
        sys.exit(f"cannot run {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
