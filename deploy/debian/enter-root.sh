#!/bin/sh
# enter-root.sh ROOT COMMAND...: make ROOT the root of this mount namespace and run the command in it. Not a chroot, so that
# programs in it may make namespaces, too. Called in namespaces of its own: what it mounts ends with them. $SHARED: a folder of
# the machine that is /host/pip in there.
set -eu
root=$1
shift
mount --bind "$root" "$root"
cd "$root"
[ -z "${SHARED:-}" ] || mount --bind "$SHARED" host/pip
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs -o mode=1777 tmpfs tmp
mkdir .machine
pivot_root . .machine
umount -l /.machine
rmdir /.machine
exec "$@"
