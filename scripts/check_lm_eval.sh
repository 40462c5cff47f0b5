#!/usr/bin/env bash
# Does lm-evaluation-harness, scoring an adapter itself, say what we say of it, problem by problem?
#   bash scripts/check_lm_eval.sh [RUN]     RUN: by default a tiny run that is made here, in about a minute
# Needs: pip install 'star-trainer[lm-eval]'
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
run=${1:-}
if [ -z "$run" ]; then
    starter='{hidden_size: 96, layers: 2, heads: 2, intermediate_size: 128, context: 96, steps: 400, lr: 5.0e-3}'
    python -m star run recipes/arithmetic.yaml --runs "$out" iterations=1 problems_per_iteration=300 train.epochs=1 \
        model.dtype=float32 "model.starter=$starter" 'task.held_out={1: 9, 2: 50}' \
        'task.train={1: 60, 2: 300}' >"$out/log"
    run=$out/arithmetic
fi
python -m star eval "$run" --out "$out/evaluations" --lm-eval "$out/ours" >>"$out/log"
command=$(python -m star export "$run" --lm-eval "$out/task" | tail -1)
command=${command/RESULTS/$out/theirs}
bash -c "$command" >>"$out/log" 2>&1 || { tail -20 "$out/log"; exit 1; }
python scripts/compare_lm_eval.py "$out/ours" "$out/theirs"
