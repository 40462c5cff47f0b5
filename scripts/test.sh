#!/usr/bin/env bash
# All checks: lint, format, tests. Makes .venv first if there is none. Arguments go to pytest.
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
# Optional, and one of its dependencies needs a C compiler: without it, its tests are skipped.
python -c "import reasoning_gym" 2>/dev/null ||
  python -m pip install --quiet --disable-pip-version-check -c constraints.txt 'reasoning-gym>=0.1.25' ||
  echo "note: reasoning-gym cannot be installed here; its tests are skipped" >&2
ruff check .
ruff format --check .
exec python -m pytest --numprocesses auto --dist worksteal "$@"
