#!/usr/bin/env bash
# Where no registry of images is at hand: puts together what the Dockerfile's base image has, from Debian's packages and
# this machine's Node and npm, and gives it to podman under the name in $1.
set -euo pipefail
name=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

packages=base-files,bash,coreutils,dash,findutils,grep,libc-bin,libstdc++6,sed,tar
mmdebstrap --quiet --variant=extract --include="$packages" bookworm "$root.tar"
tar --extract --file "$root.tar" --directory "$root" --exclude './dev/*'
rm "$root.tar"

# Where packages were extracted only, nobody has merged these into /usr, or written who the users are.
for folder in bin sbin lib lib64; do
  [ -L "$root/$folder" ] && continue
  mkdir -p "$root/usr/$folder"
  cp -a "$root/$folder/." "$root/usr/$folder/"
  rm -r "${root:?}/$folder"
  ln -s "usr/$folder" "$root/$folder"
done
printf '%s\n' 'root:x:0:0::/root:/bin/bash' 'node:x:1000:1000::/home/node:/bin/bash' > "$root/etc/passwd"
printf '%s\n' 'root:x:0:' 'node:x:1000:' > "$root/etc/group"
install -d -o 1000 -g 1000 "$root/home/node"

mkdir -p "$root/usr/local/bin" "$root/usr/local/lib/node_modules" "$root/usr/local/etc"
cp --dereference "$(node -p process.execPath)" "$root/usr/local/bin/node"
cp -r "$(dirname "$(dirname "$(realpath "$(command -v npm)")")")" "$root/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
# A certificate authority that this machine trusts, where it has one of its own.
authority=${NODE_EXTRA_CA_CERTS:-$(npm config get cafile)}
if [ -f "$authority" ]; then
  cp --dereference "$authority" "$root/usr/local/etc/authority.pem"
  echo 'cafile=/usr/local/etc/authority.pem' > "$root/usr/local/etc/npmrc"
fi

tar --directory "$root" --create . | podman import - "$name" > /dev/null
