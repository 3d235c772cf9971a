#!/usr/bin/env bash
# Make the servers present that `make stack` and the tests run: the OpenTelemetry Collector, Prometheus, Alertmanager.
# What is there stays as it is; what is missing is named before it is fetched. --check names it and fetches nothing.
#
#   Prometheus, Alertmanager   Debian's packages, by apt-get (with sudo where this is not root)
#   Collector                  otelcol-contrib or otelcol on PATH that takes tap.yaml; else built with Go from builder.yaml into
#                              ${OTEL_LLM_CACHE_DIR:-~/.cache/otel-llm}, anew when builder.yaml changes
#
# Debian starts and enables its packages where systemd runs: those that this script installs it stops and disables
# again, since the demo and the tests start their own. Packages that were there before, it leaves alone.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${OTEL_LLM_CACHE_DIR:-$HOME/.cache/otel-llm}
manifest=$here/builder.yaml
built=$cache/otelcol
built_from=$cache/otelcol.manifest # the checksum of the manifest that it was built from

say() { printf 'install-servers: %s\n' "$*"; }
fail() {
  printf 'install-servers: %s\n' "$*" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

manifest_checksum() {
  if have sha256sum; then sha256sum <"$manifest"; else shasum -a 256 <"$manifest"; fi | cut -d ' ' -f 1
}

collector() { # where it is, or nothing; a build on PATH that lacks what tap.yaml needs does not count
  local name
  for name in otelcol-contrib otelcol; do
    if have "$name" && "$name" validate --config "$here/tap.yaml" >/dev/null 2>&1; then
      command -v "$name"
      return
    fi
  done
  if [[ -x $built && -f $built_from && $(<"$built_from") == "$(manifest_checksum)" ]]; then echo "$built"; fi
}

missing_packages() {
  have prometheus || echo prometheus
  have alertmanager || have prometheus-alertmanager || echo prometheus-alertmanager
}

report() { # name, where it is or nothing, what gets it
  if [[ -n $2 ]]; then say "$1 is there: $2"; else say "$1 is missing: $3"; fi
}

as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    fail "apt-get needs root, and sudo is not here: run as root: apt-get install --no-install-recommends ${packages[*]}"
  fi
}

install_packages() {
  have apt-get || fail "apt-get is not here: put ${packages[*]} on PATH, from https://prometheus.io/download/"
  as_root apt-get update -q
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${packages[@]}"
  if [[ -d /run/systemd/system ]]; then
    as_root systemctl disable --now "${packages[@]}"
  fi
}

build_collector() {
  have go || fail "go is not here: install Go 1.25 or newer from https://go.dev/dl/, or put otelcol-contrib on PATH," \
    "from https://github.com/open-telemetry/opentelemetry-collector-releases/releases"
  local version work
  version=$(sed -n 's/^  version: //p' "$manifest")
  work=$(mktemp -d)
  # shellcheck disable=SC2064 # the folder of now
  trap "rm -rf '$work'" EXIT
  # the builder writes its sources below the folder that it runs in
  (cd "$work" && go run "go.opentelemetry.io/collector/cmd/builder@v$version" --config "$manifest") ||
    fail "the Collector could not be built; see above"
  mkdir -p "$cache"
  mv "$work/_build/otelcol-otel-llm" "$built.new" && mv "$built.new" "$built"
  manifest_checksum >"$built_from"
}

case ${1-} in
'' | --check) ;;
*) fail "unknown option $1; the only one is --check" ;;
esac

# not mapfile: the bash of macOS is 3.2
IFS=$'\n' read -r -d '' -a packages < <(missing_packages && printf '\0')
report "Prometheus" "$(command -v prometheus || true)" "apt-get install prometheus"
report "Alertmanager" "$(command -v alertmanager || command -v prometheus-alertmanager || true)" \
  "apt-get install prometheus-alertmanager"
report "the Collector" "$(collector)" "built with Go into $built (about 3 minutes, 1.1 GB of memory)"

if [[ ${1-} == --check ]]; then
  [[ ${#packages[@]} == 0 && -n $(collector) ]] || fail "servers are missing; without --check they are fetched"
  exit
fi
if [[ ${#packages[@]} != 0 ]]; then install_packages; fi
if [[ -z $(collector) ]]; then build_collector; fi
say "every server is there"
