#!/usr/bin/env bash
# Write constraints.txt: one version of every package that any extra may need, for Python 3.11 and newer.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/uv pip compile pyproject.toml --universal --fork-strategy fewest --python-version 3.11 --upgrade --quiet \
    --extra lab --extra ingest --extra engines --extra cluster --extra communities --extra ergm --extra test --extra dev \
    --no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file constraints.txt
# A uv inside the environment that it installs must not replace itself half way.
sed -i -e '/^uv==/d' constraints.txt
