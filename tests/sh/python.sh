# Sourced after packages.sh: Python with pip, the machine's own, else Debian's
# packages, unpacked below $peers.

has_own_python() { python3 -m pip --version >/dev/null 2>&1; }

python() {
  if has_own_python; then python3 "$@"; return; fi
  [ -x "$peers/bin/python3" ] || {
    unpack "$peers/python" python3-minimal python3 python3-pip-whl
    wrap python/usr/bin/python3 python3 python
  }
  local pip
  pip=$(ls "$peers"/python/usr/share/python-wheels/pip-*.whl)
  PYTHONHOME="$peers/python/usr" PYTHONPATH="$pip${PYTHONPATH:+:$PYTHONPATH}" \
    "$peers/bin/python3" "$@"
}
