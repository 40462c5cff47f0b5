#!/usr/bin/env bash
# The family of self-taught reasoners on a tiny model: the recipes of recipes/family/, which draw the same number of
# samples to train on, as a table and a picture. Two cores, two runs at a time; runs that are finished are not run
# again, one that was killed goes on.
#   bash scripts/family.sh [SEED]
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
export OMP_NUM_THREADS=1
began=$SECONDS
export seed=${1:-0} suffix="" figure=docs/family.png
if [ "$seed" != 0 ]; then
  suffix="-seed-$seed" figure="runs/family$suffix.png"
fi
arms=()
for arm in star rft rest-em expert-iteration b-star v-star self-consistency; do
  if [ -f "recipes/family/$arm.yaml" ]; then
    arms+=("$arm")
  else
    echo "$arm is left out: there is no recipes/family/$arm.yaml"
  fi
done

run() {  # run ARM [KEY=VALUE ...]
  local log="runs/family-$1$suffix.log"
  if star run "recipes/family/$1.yaml" name="family-$1$suffix" seed="$seed" "${@:2}" > "$log" 2>&1; then
    echo "$1 is done"
  else
    tail -n 20 "$log" >&2
    return 255  # no other one is begun
  fi
}
export -f run

mkdir -p runs
run common iterations=0  # makes the base model
printf '%s\n' "${arms[@]}" | xargs -P 2 -I ARM bash -c 'run ARM'
folders=("${arms[@]/%/$suffix}")
python scripts/family_figure.py "${folders[@]/#/runs/family-}" --out "$figure"
echo "$(( (SECONDS - began) / 60 )) min $(( (SECONDS - began) % 60 )) s"
