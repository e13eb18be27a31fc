#!/usr/bin/env bash
# Usage: install.sh PYTHON ARGUMENT...   like `PYTHON -m pip install ARGUMENT...`, through uv where uv works.
# PEERNET_NO_UV=1 goes straight to pip.
# uv is some eight times faster; pip knows company indexes that uv does not, so it stays as the second way.
set -euo pipefail
# Behind a company proxy the system's certificates are the ones that count.
export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}"
python=$1
shift
uv="$(dirname "$python")/uv"
if [[ -n "${PEERNET_NO_UV:-}" ]]; then
    exec "$python" -m pip install "$@"
fi
if [[ ! -x $uv ]]; then
    "$python" -m pip install --quiet uv || echo "install: no uv here, pip does the work" >&2
fi
if [[ -x $uv ]]; then
    if "$uv" pip install --python "$python" --link-mode "${UV_LINK_MODE:-hardlink}" "$@"; then
        exit 0
    fi
    echo "install: uv could not do it, trying pip" >&2
fi
exec "$python" -m pip install "$@"
