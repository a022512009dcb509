#!/usr/bin/env bash
# Makes symbolizer/reference/data: the facts of PostgreSQL servers and, from gcc7 builds only, of
# extension modules that have symbol tables.
#   symbolizer/reference/generate.sh [-c COMPILER] [-o FOLDER] PGFLAME_REFERENCE [MAJOR...]
# COMPILER is one of these, without it both:
# gcc7:  the npm builds, see tests/support/fetch_postgres.sh.
# gcc12: built here from Debian's source packages (needs deb-src lines and their build dependencies)
#        with the flags Debian builds with. Majors that Debian does not have are left out.
# The gcc7 builds have no DWARF: their source files are those of the last gcc12 build of the same or
# an older major.
set -euo pipefail
usage() { echo "usage: $0 [-c gcc7|gcc12] [-o FOLDER] PGFLAME_REFERENCE [MAJOR...]" >&2; exit 2; }
data=$(cd "$(dirname "$0")" && pwd)/data
out=$data
compilers="gcc7 gcc12"
while getopts c:o: option; do
  case $option in
    c) compilers=$OPTARG ;;
    o) mkdir -p "$OPTARG" && out=$(realpath "$OPTARG") ;;
    *) usage ;;
  esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] && [[ " gcc7 gcc12 gcc7 gcc12 " == *" $compilers "* ]] || usage
[ -x "$1" ] || { echo "$0: $1 is no program: build the target pgflame_reference" >&2; exit 1; }
tool=$(realpath "$1")
shift
[ $# -gt 0 ] || set -- 13 14 15 16 17 18
cd "$(dirname "$0")/../.."
work=$PWD/build/reference
mkdir -p "$work"

wants() { [[ " $compilers " == *" $1 "* ]]; }
save() { zstd --ultra -22 -q -f "$1" -o "$out/$2.zst"; }

# The facts of the last gcc12 build up to a major, unpacked; nothing when there is none.
files_for() {
  local major
  for ((major = $1; major >= 13; major--)); do
    [ -f "$data/postgres-$major-gcc12.zst" ] || continue
    zstd -q -d -f "$data/postgres-$major-gcc12.zst" -o "$work/files-$1"
    echo "$work/files-$1"
    return
  done
}

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

for major in "$@"; do
  if wants gcc12 && apt-cache showsrc "postgresql-$major" 2> /dev/null | grep -q '^Package:'; then
    server=$(build_from_source "$major")
    "$tool" "$server" > "$work/gcc12-$major"
    save "$work/gcc12-$major" "postgres-$major-gcc12"
  fi
  if wants gcc7; then
    server=$(tests/support/fetch_postgres.sh "$major" | cut -d' ' -f2)
    files=$(files_for "$major")
    "$tool" "$server" ${files:+"$files"} > "$work/gcc7-$major"
    save "$work/gcc7-$major" "postgres-$major-gcc7"
    for module in plpgsql pg_stat_statements pg_trgm postgres_fdw; do
      "$tool" "$(dirname "$server")/../lib/postgresql/$module.so" > "$work/$module-$major"
      save "$work/$module-$major" "$module-$major-gcc7"
    done
  fi
done
