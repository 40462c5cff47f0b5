# Sourced by quickstart.sh and test.sh: makes .venv once, with the pinned dependencies, and puts it on PATH.
# Safe to source again: it installs only when pyproject.toml or constraints.txt changed since the last time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=""
for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3.10 python3; do
  if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  echo "error: no Python 3.10 or newer found; install one, or name it: PYTHON=/path/to/python $0" >&2
  exit 1
fi

wanted=$(cat pyproject.toml constraints.txt | cksum)
if [ "$(cat .venv/installed 2>/dev/null)" != "$wanted" ]; then
  echo "installing into .venv (once) ..."
  .venv/bin/python -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
  echo "$wanted" > .venv/installed
fi
export PATH="$PWD/.venv/bin:$PATH"
