#!/bin/sh
# npm run build:native: the addon dist/native/kernels.node, by the C compiler of this machine (CC, or cc; GCC 12 or Clang 14 at
# least) and the headers that came with Node (NODE_INCLUDE names their folder where they are elsewhere).
set -eu
cd "$(dirname "$0")"
cc=${CC:-cc}
command -v "$cc" >/dev/null || { echo "build:native: no C compiler $cc" >&2; exit 69; }
include=${NODE_INCLUDE:-$(node -p "require('path').resolve(fs.realpathSync(process.execPath), '../../include/node')")}
[ -f "$include/node_api.h" ] || { echo "build:native: no node_api.h in $include: NODE_INCLUDE=FOLDER names another" >&2; exit 69; }
out=../../../../dist/native
rm -rf "$out"
mkdir -p "$out"
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
flags="-std=c11 -O3 -fPIC -fvisibility=hidden -fno-math-errno -fno-trapping-math -Wall -Wextra"

# set NAME FLAGS...: the kernels for one set of instructions. Products alone are contracted, see gemm.c.
set_of() {
  name=$1
  shift
  "$cc" $flags "$@" -ffp-contract=fast -Dgemm="gemm_$name" -c gemm.c -o "$objects/gemm_$name.o"
  "$cc" $flags "$@" -ffp-contract=off -Dgemm="gemm_$name" -Dbind="bind_$name" -I"$include" -c bind.c -o "$objects/bind_$name.o"
}

case $(uname -m) in
x86_64 | amd64) set_of avx2 -mavx2 -mfma ;;
aarch64 | arm64) set_of plain ;;
*) echo "build:native: no kernels for $(uname -m)" >&2; exit 69 ;;
esac
"$cc" $flags -I"$include" -c addon.c -o "$objects/addon.o"
case $(uname -s) in
Darwin) link='-bundle -undefined dynamic_lookup' ;;
*) link=-shared ;;
esac
"$cc" $link -o "$out/kernels.node" "$objects"/*.o
