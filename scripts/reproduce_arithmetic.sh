#!/usr/bin/env bash
# The shape of the paper's arithmetic results (4.3) on a tiny model: STaR with rationalization, without, and fine-tuning
# on bare answers, from the same base model. Two cores; runs that are finished are not run again.
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
export OMP_NUM_THREADS=1
began=$SECONDS
runs=()
for arm in with-rationalization without-rationalization direct; do
  runs+=("runs/reproduce-$arm")
done

echo "the base model, and its accuracy:"
star run recipes/reproduce/with-rationalization.yaml iterations=0 > /dev/null
mkdir -p runs
(star run recipes/reproduce/with-rationalization.yaml && star run recipes/reproduce/direct.yaml) \
  > runs/reproduce-direct-and-with.log 2>&1 &
other=$!
star run recipes/reproduce/without-rationalization.yaml
wait "$other" || { tail -n 20 runs/reproduce-direct-and-with.log >&2; exit 1; }
star compare "${runs[@]}" --out docs/reproduction.png
echo "$(( (SECONDS - began) / 60 )) min $(( (SECONDS - began) % 60 )) s"
