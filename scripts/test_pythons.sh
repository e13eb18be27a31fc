#!/usr/bin/env bash
# Run the tests on the oldest and the newest Python >= 3.11 found (ALL=1: on each minor version found).
# PYTHONS="path path ..." says which to use instead of looking.
set -euo pipefail
cd "$(dirname "$0")/.."

candidates() {
    if [[ -n "${PYTHONS:-}" ]]; then
        printf '%s\n' $PYTHONS
        return
    fi
    printf 'python3.%s\n' 11 12 13 14 15
    echo python3
    if command -v pyenv >/dev/null; then
        find "$(pyenv root)/versions" -maxdepth 3 -path '*/bin/python3' 2>/dev/null || true
    fi
}

declare -A found=()
for python in $(candidates); do
    minor=$("$python" -c 'import sys, venv, ensurepip; print(sys.version_info[1] if sys.version_info >= (3, 11) else "")' \
        2>/dev/null) || continue
    [[ -n $minor && -z "${found[$minor]:-}" ]] && found[$minor]=$python
done
mapfile -t minors < <(printf '%s\n' "${!found[@]}" | sort -n)
if [[ ${#minors[@]} -eq 0 || -z "${minors[0]}" ]]; then
    echo "test-pythons: no Python 3.11 or newer found" >&2
    exit 1
fi
if [[ -z "${ALL:-}" && ${#minors[@]} -gt 2 ]]; then
    minors=("${minors[0]}" "${minors[-1]}")
fi

for minor in "${minors[@]}"; do
    venv=.venv-3.$minor
    echo "test-pythons: 3.$minor"
    [[ -x $venv/bin/python ]] || "${found[$minor]}" -m venv "$venv"
    if [[ -x .venv/bin/uv && ! -e $venv/bin/uv ]]; then ln -s "$PWD/.venv/bin/uv" "$venv/bin/uv"; fi
    scripts/install.sh "$venv/bin/python" --quiet -c constraints.txt -e '.[ingest,engines,test,dev]'
    "$venv/bin/python" -m pytest -q -p no:cacheprovider -n "${WORKERS:-2}" --dist loadfile tests
done
echo "test-pythons: passed on ${minors[*]/#/3.}"
