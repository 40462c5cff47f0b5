"""`python -m star` is the `star` command."""

import sys

from star.cli import main

sys.exit(main())
