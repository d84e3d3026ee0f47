"""`python -m suite` is the command line."""

import os
import sys

# Python looks for modules in the working directory first, where a file may be called random.py.
if os.path.dirname(os.path.dirname(os.path.abspath(__file__))) != os.getcwd():  # noqa: PTH100, PTH109, PTH120
    sys.path.append(sys.path.pop(0))

from suite.cli import main

if __name__ == "__main__":
    main()
