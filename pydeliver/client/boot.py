"""What the client tells the interpreter to run: find our packages, import the program, never bounce.

The interpreter was started with `-I -S`: no variable and no `.pth` file has a
say in what is imported.  This adds the one directory our wheel was installed
to, found from this file's own place, after those of the standard library.

In a delivery (`deliver=FD`) whatever goes wrong here ends in 75 without a
verdict, with the reason on descriptor 2, which is the client's own pipe; in a
command (`run`) it is an ordinary traceback.

Compiled at each start, so it is short.
"""

import gc
import posix
import sys
import zipimport

_prefix = __file__[: -len("/share/pydeliver/boot.py")]
_form = sys.argv[1]
try:
    gc.set_threshold(100_000)  # more than a usual delivery makes; at Python's 700 importing is also collecting
    sys.path_hooks.remove(zipimport.zipimporter)  # it would look at each of our directories first, in vain
    sys.path.append("%s/lib/python%d.%d/site-packages" % (_prefix, *sys.version_info[:2]))  # noqa: UP031
    _verdict_fd = int(_form[8:]) if _form.startswith("deliver=") else None
    if _verdict_fd is not None:
        posix.set_inheritable(_verdict_fd, False)  # what we start must not keep the client waiting
    from pydeliver.cli.main import main

    main(sys.argv[2:], _verdict_fd)
except BaseException as reason:
    if _form == "run":
        raise
    try:
        posix.write(2, f"{type(reason).__name__}: {reason}\n".encode("utf-8", "replace"))
    finally:
        posix._exit(75)
