#!/usr/bin/env bash
# Installs what is missing of Debian's packages, and nothing when all is there.
#   tests/install.sh build   to build pgflame
#   tests/install.sh demo    to build it and run samples/demo.sh
#   tests/install.sh all     to run every test as well
set -euo pipefail

build=(
  g++ cmake ninja-build pkg-config git ca-certificates
  clang            # compiles the BPF programs
  bpftool          # makes their skeletons
  libbpf-dev libelf-dev libdw-dev zlib1g-dev libzstd-dev liblzma-dev libdeflate-dev
  libcli11-dev libexpected-dev libfmt-dev nlohmann-json3-dev libtomlplusplus-dev
  libprotozero-dev libzydis-dev libpq-dev libbpfcc-dev libiberty-dev
  doctest-dev
)
demo=(postgresql-15 postgresql-client-15 python3 procps)
all=(
  clang-format clang-tidy
  libclang-rt-14-dev llvm  # libFuzzer, and symbols in sanitizer reports
  linux-headers-amd64      # the bcc sampler is tried with them
  linux-perf               # the oracle for perf.data
  bpftrace                 # a second opinion on overhead
  binutils elfutils gdb dwz  # oracles for symbols and unwinding
  libc6-i386 lib32stdc++6 libc6-arm64-cross libstdc++6-arm64-cross  # other machines' tables
  libdebuginfod1           # fetches debug files when DEBUGINFOD_URLS is set
  golang-go                # go tool pprof
  chromium nodejs npm      # the browser tests
  libxml2-utils librsvg2-bin poppler-utils
  zstd xz-utils
  libdevel-nytprof-perl    # has flamegraph.pl, to compare with
)

wanted=("${build[@]}")
case "${1:-all}" in
  build) ;;
  demo) wanted+=("${demo[@]}") ;;
  all) wanted+=("${demo[@]}" "${all[@]}") ;;
  *) echo "usage: $0 build|demo|all" >&2; exit 2 ;;
esac

missing=()
for package in "${wanted[@]}"; do
  # A tool that is already here by other means (a newer node, say) need not come from Debian.
  case "$package" in nodejs) command -v node >/dev/null && continue ;; npm) command -v npm >/dev/null && continue ;; esac
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ "${#missing[@]}" -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "pgflame needs these packages: ${missing[*]}" >&2
  echo "hint: run this as root, or install them yourself" >&2
  exit 1
fi
echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# Debian's postgresql package would otherwise start a cluster of its own.
settings=/etc/postgresql-common/createcluster.conf
if [ ! -e "$settings" ]; then
  mkdir -p "$(dirname "$settings")"
  trap 'rm -f "$settings"' EXIT
  echo "create_main_cluster = false" > "$settings"
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
