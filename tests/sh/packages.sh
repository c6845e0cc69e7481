# Sourced by the scripts of tests/: Debian packages unpacked into a directory,
# never installed, so that nothing on the machine changes and no service starts.
# Callers set `peers`, the directory where everything lives.

# apt-get on the machine's own package lists until those turn out to be missing
# or out of date, then on private lists below $peers, which need no root.
apt_options=(-qq -o APT::Sandbox::User="$(id -un)")

say() { printf '   %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

use_private_lists() {
  local state="$peers/apt"
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
  apt_options+=(-o Dir::State::lists="$state/lists" -o Dir::Cache="$state/cache"
                -o Debug::NoLocking=1)
  say "refreshing package lists (privately, below ${peers#"$root"/})"
  apt-get "${apt_options[@]}" update
  private_lists=1
}

is_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null)" = "ii " ]
}

# The packages named and everything they need, without what is installed already.
missing_closure() {
  apt-cache "${apt_options[@]:1}" depends --recurse --no-recommends --no-suggests \
      --no-conflicts --no-breaks --no-replaces --no-enhances "$@" |
    grep -E '^[a-z0-9]' | cut -d: -f1 | sort -u |
    while read -r package; do is_installed "$package" || echo "$package"; done
}

fetch_closure() {
  local packages
  mapfile -t packages < <(missing_closure "$@")
  [ "${#packages[@]}" -gt 0 ] && apt-get "${apt_options[@]}" download "${packages[@]}"
}

# unpack DIRECTORY PACKAGE…: the packages and what they need, below DIRECTORY.
unpack() {
  local into=$1 debs
  shift
  command -v apt-get >/dev/null ||
    die "$* missing, and this machine has no apt-get to bring them: see tests/fetch-peers"
  mkdir -p "$into"
  debs=$(mktemp -d "$peers/debs.XXXXXX")
  say "fetching $*"
  (cd "$debs" && fetch_closure "$@") 2>"$debs/errors" || {
    [ -z "${private_lists:-}" ] || { cat "$debs/errors" >&2; die "cannot fetch $*"; }
    use_private_lists
    (cd "$debs" && fetch_closure "$@") || die "cannot fetch $*"
  }
  for deb in "$debs"/*.deb; do dpkg-deb -x "$deb" "$into"; done
  rm -rf "$debs"
}

# unpack_of_release RELEASE DIRECTORY PACKAGE…: the packages of another release of
# Debian, without what they need, below DIRECTORY. They come from where this machine's
# own come from, and its sources stay as they are.
unpack_of_release() {
  local release=$1 into=$2 work="$peers/release-work" options
  shift 2
  rm -rf "$work"
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/debs"
  echo "deb $(signed_by)$(mirror) $release main" >"$work/sources.list"
  options=(-qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=-
           -o Dir::State::lists="$work/lists" -o Dir::State::status=/dev/null
           -o Dir::Cache="$work/cache" -o Debug::NoLocking=1 -o APT::Sandbox::User="$(id -un)")
  say "fetching $* of $release"
  apt-get "${options[@]}" update
  (cd "$work/debs" && apt-get "${options[@]}" download "$@") || die "cannot fetch $* of $release"
  for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$into"; done
  rm -rf "$work"
}

# Where this machine's Debian comes from, updates apart.
mirror() {
  apt-get indextargets --format '$(REPO_URI)' | grep -E '/debian/?$' | head -1 | grep . ||
    die "this machine's package sources name no Debian"
}

# The option of a source that names the keys of Debian's archive.
signed_by() {
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ ! -r "$keyring" ] || echo "[signed-by=$keyring] "
}

# wrap BINARY NAME DIRECTORY: a script bin/NAME that execs BINARY (a path below
# $peers) with the libraries unpacked below DIRECTORY. It execs, so that the
# process id a test sees is the program's own.
wrap() {
  local binary=$1 name=$2 directory=$3 libraries
  libraries=$(cd "$peers" && find "$directory" -name '*.so*' -printf '$here/%h\n' | sort -u | paste -sd:)
  mkdir -p "$peers/bin"
  cat >"$peers/bin/$name" <<WRAPPER
#!/bin/sh
here=\${0%/bin/*}
export LD_LIBRARY_PATH="$libraries\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}"
exec "\$here/$binary" "\$@"
WRAPPER
  chmod +x "$peers/bin/$name"
}

# fetch_source PACKAGE VERSION DIRECTORY: Debian's source package, patched as Debian
# builds it. The deb-src lines are made from the machine's own deb lines and kept
# below $peers, so that the machine's sources stay as they are.
fetch_source() {
  local package=$1 version=$2 directory=$3 work="$peers/source-work" lists
  command -v dpkg-source >/dev/null || die "dpkg-source is missing (package dpkg-dev)"
  rm -rf "$work"
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN) $(IDENTIFIER)' |
    awk -v keyring="$(signed_by)" \
      '$4 == "Debian" && $5 == "Packages" { print "deb-src " keyring $1, $2, $3 }' |
    sort -u >"$work/sources.list"
  lists=(-qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=-
         -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache"
         -o Debug::NoLocking=1 -o APT::Sandbox::User="$(id -un)")
  say "fetching the source of $package $version"
  apt-get "${lists[@]}" update
  (cd "$work" && apt-get "${lists[@]}" source --download-only "$package")
  rm -rf "$directory"
  dpkg-source --no-check -x "$work/$package"_*.dsc "$directory" >/dev/null
  rm -rf "$work"
  grep -q "$version" "$directory/src/version.h" || die "the source of $package is not $version"
}
