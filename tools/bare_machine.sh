#!/bin/bash
# Proves the two commands of the README on a machine that has nothing: makes a fresh Debian 12 with git only (mmdebstrap,
# from this machine's own apt sources), puts a clean clone of HEAD into it and runs what is given there, by default
# `./dev test`. Needs root. What was made is removed, unless --keep.
#
# usage: tools/bare_machine.sh [--keep] [--dir DIR] [COMMAND...]
#   COMMAND runs in the clone, e.g.: ./dev build release   ./dev demo --once   .ci/run
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

keep=false
base=${TMPDIR:-/var/tmp}
while (($# > 0)); do
  case $1 in
    --keep) keep=true ;;
    --dir)
      base=${2:?--dir needs a folder}
      shift
      ;;
    -*)
      echo "bare_machine: unknown option $1" >&2
      exit 64
      ;;
    *) break ;;
  esac
  shift
done
(($# > 0)) || set -- ./dev test

((EUID == 0)) || {
  echo "bare_machine: needs root, for chroot and mounts" >&2
  exit 1
}
command -v mmdebstrap >/dev/null || {
  echo "bare_machine: needs mmdebstrap" >&2
  exit 1
}

# The mounts below must vanish with this script, however it ends: they live in a mount namespace of its own.
if [[ -z "${PORTCULLIS_BARE_NAMESPACE:-}" ]]; then
  options=()
  if $keep; then options+=(--keep); fi
  PORTCULLIS_BARE_NAMESPACE=1 exec unshare --mount --propagation private \
    "${BASH_SOURCE[0]}" "${options[@]}" --dir "$base" "$@"
fi

root=$(mktemp -d "$base/portcullis-bare-XXXXXX")
chmod 755 "$root"

cleanup() {
  local status=$? mount
  trap - EXIT
  # Innermost first; what stays mounted must not be removed through.
  while read -r mount; do umount -l "$mount" || true; done < <(awk -v r="$root/" 'index($2, r) == 1 {print $2}' /proc/mounts | sort -r)
  if grep -q " $root/" /proc/mounts; then
    echo "bare_machine: something is still mounted under $root; left as it is" >&2
  elif $keep; then
    echo "bare_machine: kept $root" >&2
  else
    rm -rf --one-file-system "$root"
  fi
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# Debian's own sources of this machine, and how it reaches them (mirror, proxy, certificates).
sources=()
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
  if [[ -f $file ]] && grep -qE '^[^#]*\bbookworm\b' "$file" && grep -q 'debian\.org' "$file"; then sources+=("$file"); fi
done
((${#sources[@]} > 0)) || {
  echo "bare_machine: no Debian 12 source in /etc/apt" >&2
  exit 1
}
echo "bare_machine: making a Debian 12 in $root" >&2
started=$SECONDS
mmdebstrap --variant=minbase --mode=root --include=git,ca-certificates bookworm "$root" "${sources[@]}" >&2
echo "bare_machine: made in $((SECONDS - started)) s" >&2

for file in /etc/resolv.conf /etc/hosts; do
  rm -f "$root$file"
  cp -L "$file" "$root$file" 2>/dev/null || true
done
for file in /etc/apt/apt.conf.d/*; do
  if grep -qiE '^[[:space:]]*Acquire::' "$file"; then cp -L "$file" "$root$file"; fi
done
# A certificate authority that only this machine knows (an inspecting proxy) must be known there too.
if [[ -d /usr/local/share/ca-certificates ]]; then
  cp -rL /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/"
  chroot "$root" update-ca-certificates >/dev/null 2>&1 || true
fi

mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mkdir -p "$root/dev/shm"

mkdir -p "$root/build"
git clone -q --no-hardlinks . "$root/build/portcullis"
if [[ -d ../shared ]]; then
  mkdir "$root/build/shared"
  mount --bind ../shared "$root/build/shared"
  mount -o remount,bind,ro "$root/build/shared" 2>/dev/null || true
fi

echo "bare_machine: in a clean clone of $(git rev-parse --short HEAD): $*" >&2
started=$SECONDS
status=0
# shellcheck disable=SC2016
chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 TERM=dumb PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" no_proxy="${no_proxy:-}" \
  bash -c 'cd /build/portcullis && exec "$@"' bash "$@" </dev/null || status=$?
echo "bare_machine: exit status $status after $((SECONDS - started)) s" >&2
exit "$status"
