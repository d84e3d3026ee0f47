"""`python -m suite` is the command line."""

import os
import sys

if __name__ == "__main__":
    # Python looks for modules in the working directory first, where a file may be called random.py.
    here, package = os.getcwd(), sys.modules["suite"].__path__[0]  # noqa: PTH109
    if sys.path[0] in ("", here) and os.path.dirname(package) != here:  # noqa: PTH120
        sys.path.append(sys.path.pop(0))
    from suite.cli import main

    main()
