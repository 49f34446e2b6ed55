#!/usr/bin/env bash
# Runs the models (src/models.rs) under loom and under shuttle, and tells how many runs there were. Argument: a part of
# the models' names. LOOM_MAX_PREEMPTIONS (2) and SHUTTLE_RUNS (20,000 for each model) say how thorough it is.
set -euo pipefail
cd "$(dirname "$0")/models"
log=$(mktemp)
trap 'rm -f "$log"' EXIT

for checker in loom shuttle; do
  echo "--- $checker"
  # The models need not be fast, but built soon.
  RUSTFLAGS="--cfg $checker" CARGO_PROFILE_RELEASE_OPT_LEVEL=1 cargo test --quiet --release \
    --target-dir "${CARGO_TARGET_DIR:-target}/$checker" -- --test-threads "$(nproc)" --nocapture "models::${1:-}" \
    >"$log" 2>&1 || { cat "$log"; exit 1; }
  grep -Eo 'models::.* runs, .*|.*: found$|test result.*' "$log"
  awk '{ for (i = 2; i <= NF; i++) if ($i == "runs,") sum += $(i - 1) } END { print "all models: " sum " runs" }' "$log"
done
