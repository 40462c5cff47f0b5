#!/usr/bin/env bash
# Why a loop that makes its own training data must be tied to reality, on a tiny model: the same loop in four arms,
# verified, unverified, self-voted, and verified with real data mixed in. Which signals of the audit say early that an
# arm collapses? Two cores; runs that are finished are not run again, one that was killed goes on.
#   bash scripts/collapse_experiment.sh [SEED]
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
export OMP_NUM_THREADS=1
began=$SECONDS
seed=${1:-0}
arms=(verified unverified self-voted mixed)
suffix="" figure=docs/collapse.png
if [ "$seed" != 0 ]; then
  suffix="-seed-$seed" figure="runs/collapse$suffix.png"
fi

run() {  # run ARM [KEY=VALUE ...]
  star run "recipes/collapse/$1.yaml" name="collapse-$1$suffix" seed="$seed" "${@:2}"
}

mkdir -p runs
python scripts/worked_solutions.py recipes/collapse/mixed.yaml 200 runs/collapse-worked.jsonl
echo "the base model, and its accuracy:"
run verified iterations=0 > /dev/null
(run self-voted && run mixed) > "runs/collapse-two-arms$suffix.log" 2>&1 &
other=$!
run verified
run unverified
wait "$other" || { tail -n 20 "runs/collapse-two-arms$suffix.log" >&2; exit 1; }
folders=("${arms[@]/%/$suffix}")
python scripts/collapse_figure.py "${folders[@]/#/runs/collapse-}" --out "$figure"
echo "$(( (SECONDS - began) / 60 )) min $(( (SECONDS - began) % 60 )) s"
