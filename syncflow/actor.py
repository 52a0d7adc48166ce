"""Who is at work, for the books."""

import getpass
import os


def this_user() -> str:
    """The user's name on this machine (over SSH, who logged in); a user of the system may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
