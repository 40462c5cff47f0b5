#!/usr/bin/env bash
# From nothing to a model that has taught itself to add: makes .venv, installs, and runs recipes/arithmetic.yaml.
# Arguments go to the run, as in: bash scripts/quickstart.sh --name second seed=1
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
exec accelerate launch --quiet --num_processes 1 --num_machines 1 --mixed_precision no --dynamo_backend no \
  scripts/run_star.py recipes/arithmetic.yaml "$@"
