"""What runs in the pod that mounts a claim: POSIX sh with the tools of busybox or coreutils.

Each script gets the repository's folder as ``$1``. It answers with texts that end in a NUL byte,
and one NUL more at the end; then it waits until its input ends, since kubectl may drop what it has
not passed on when a command ends (kubernetes/kubernetes#124571). It ends with :data:`REFUSED` for
an error of its own, so that it differs from a broken connection.
"""

from __future__ import annotations

REFUSED = 97

_HEAD = f"""set -e
umask 022
trap '[ $? = 0 ] || exit {REFUSED}' EXIT
"""
_TAIL = """
printf '\\0'
cat > /dev/null
"""
_FACTS = "'%f %s %Z %i'"
"""Mode, bytes, time of change and inode: no copying tool can set back the time of change."""


def _script(body: str) -> str:
    return f"{_HEAD}{body.strip()}{_TAIL}"


LIST = _script(
    rf"""
if [ -e "$1" ]; then
  cd "$1"
  find . \( -path ./lost+found -prune -o ! -type d \) -exec sh -c '
    for each; do
      ! facts=$(stat -c "$0" "$each") || printf "%s %s\0" "$facts" "${{each#./}}"
    done' {_FACTS} {{}} +
fi
"""
)
""":data:`_FACTS` and path of everything but folders, and of a volume's lost+found."""

HASH = _script(
    r"""
cd "$1"
printf '%s\0' "$(sha256sum < "./$2")"
"""
)
"""$2: a file's path. Gives its SHA-256."""

STATE = _script(
    r"""
cd "$1" 2>/dev/null || { printf '0\0\0'; cat > /dev/null; exit 0; }
printf '%s\0' "$(stat -c %s "$2" 2>/dev/null || echo 0)"
"""
)
"""$2: a path. Gives the bytes of what is there, 0 for nothing."""

WRITE = _script(
    rf"""
mkdir -p "$1"
cd "$1"
part=".pull/$3"
mkdir -p .pull "$(dirname "./$2")"
[ ! -d "./$2" ] || {{ echo "Is a directory: $2" >&2; exit 1; }}
if [ "$5" = 0 ]; then : > "$part"; fi
head -c "$(($4 - $5))" >> "$part"
if [ "$(stat -c %s "$part")" != "$4" ]; then
  printf 'short\0'
else
  sum=$(sha256sum < "$part")
  sum=${{sum%% *}}
  if [ "$sum" != "$3" ]; then
    rm -f "$part"
    printf 'changed %s\0' "$sum"
  else
    chmod 644 "$part"
    mv -f "$part" "./$2"
    printf 'placed %s\0' "$(stat -c {_FACTS} "./$2")"
  fi
fi
"""
)
"""$2: a path, $3: its SHA-256, $4: its bytes, $5: bytes that are there; the rest is the input."""

READ = f"""{_HEAD}cd "$1"
dd if="./$2" bs=1048576 iflag=skip_bytes skip="$3" status=none
cat > /dev/null
"""
"""$2: a path, $3: an offset. Gives the bytes from there on, and nothing else.

With dd, since busybox' tail takes no offset beyond 4 GiB.
"""

AROUND = _script(
    r"""
folder=$1
left=$2
while [ "$left" -gt 0 ]; do
  folder=$(dirname "$folder")
  left=$((left - 1))
  if [ -e "$folder/manifest.json" ]; then printf '%s\0' "$left"; fi
done
"""
)
"""$2: of how many parts the folder's path in the claim is. Gives the same of each folder above it
that holds a manifest."""

REMOVE = _script(
    r"""
cd "$1"
rm -f "./$2"
folder=$(dirname "./$2")
while [ "$folder" != . ] && rmdir "$folder" 2>/dev/null; do folder=$(dirname "$folder"); done
"""
)
"""$2: a path. Removes the file, and the folders that hold nothing then."""

PRUNE = _script(
    r"""
cd "$1"
shift
for each; do
  folder="./$each"
  while [ "$folder" != . ] && rmdir "$folder" 2>/dev/null; do folder=$(dirname "$folder"); done
done
"""
)
"""$2 and so on: folders. Removes the empty ones, and the folders above that are empty then."""

FINISH = _script(
    r"""
cd "$1"
rm -rf .pull
find . -type d ! -perm -555 -exec chmod a+rx {} + || :
find . -type f ! -perm -444 -exec chmod a+r {} + || :
"""
)
"""Removes what is under way, and lets others read what an earlier writer kept to itself."""
