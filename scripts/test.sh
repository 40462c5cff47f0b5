#!/usr/bin/env bash
# All checks: lint, format, tests. Makes .venv first if there is none. Arguments go to pytest.
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
ruff check .
ruff format --check .
exec python -m pytest "$@"
