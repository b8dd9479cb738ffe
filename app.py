"""Start the studio from a clone; once installed, ``merge-studio`` does it."""

import sys

from studio.commands.page import main

if __name__ == "__main__":
    sys.exit(main())
