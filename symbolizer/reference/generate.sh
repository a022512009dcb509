#!/usr/bin/env bash
# Makes symbolizer/reference/data: the facts of PostgreSQL servers that have symbol tables.
#   symbolizer/reference/generate.sh PGFLAME_REFERENCE [MAJOR...]
# gcc7:  the npm builds, see tests/support/fetch_postgres.sh.
# gcc12: built here from Debian's source packages (needs deb-src lines and their build dependencies)
#        with the flags Debian builds with. Majors that Debian does not have are left out.
set -euo pipefail
cd "$(dirname "$0")/../.."
tool=$(realpath "$1")
shift
[ $# -gt 0 ] || set -- 13 14 15 16 17 18
data=$PWD/symbolizer/reference/data
work=$PWD/build/reference
mkdir -p "$data" "$work"

save() { zstd --ultra -22 -q -f "$1" -o "$data/$2.zst"; }

build_from_source() {  # build_from_source MAJOR: prints the path of the server
  local folder=$work/$1
  mkdir -p "$folder"
  if [ ! -x "$folder/build/src/backend/postgres" ]; then
    (cd "$folder" && apt-get source --download-only "postgresql-$1" && tar -xjf ./*.orig.tar.bz2)
    mkdir -p "$folder/build"
    (cd "$folder/build" &&
      ../postgresql-*/configure --enable-debug --enable-nls --enable-dtrace --with-openssl \
        --with-libxml --with-icu --with-pam --with-gssapi --with-ldap --with-lz4 --with-systemd \
        --with-selinux --with-uuid=e2fs CPPFLAGS="-Wdate-time -D_FORTIFY_SOURCE=2" \
        CFLAGS="-g -O2 -fstack-protector-strong -Wformat -fno-omit-frame-pointer" \
        LDFLAGS="-Wl,-z,relro -Wl,-z,now" &&
      make -C src/backend generated-headers && make -C src/backend -j"$(nproc)")
  fi >&2
  echo "$folder/build/src/backend/postgres"
}

with_files=
for major in "$@"; do
  if apt-cache showsrc "postgresql-$major" 2> /dev/null | grep -q '^Package:'; then
    "$tool" "$(build_from_source "$major")" > "$work/gcc12-$major"
    save "$work/gcc12-$major" "postgres-$major-gcc12"
    with_files=$work/gcc12-$major
  fi
  server=$(tests/support/fetch_postgres.sh "$major" | cut -d' ' -f2)
  "$tool" "$server" ${with_files:+"$with_files"} > "$work/gcc7-$major"
  save "$work/gcc7-$major" "postgres-$major-gcc7"
done
