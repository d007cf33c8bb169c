#!/bin/sh
# Builds the WASM core and writes wasm/lib/quince_core.ts. Users never run this: its result is committed.
#
# The distribution's own rustc is used because it comes with the standard library's sources, from which the
# wasm32 standard library is built; none can be downloaded.
set -eu
cd "$(dirname "$0")"

RUSTC=${QUINCE_RUSTC:-/usr/bin/rustc}
CARGO=${QUINCE_CARGO:-/usr/bin/cargo}
if [ ! -x "$RUSTC" ] || [ ! -x "$CARGO" ] || ! command -v wasm-ld-19 >/dev/null; then
  apt-get update && apt-get install -y --no-install-recommends rustc-web cargo-web rust-web-src lld-19
fi

export RUSTC RUSTC_BOOTSTRAP=1
export RUSTFLAGS="-C linker=wasm-ld-19 -C target-feature=+simd128,+bulk-memory,+sign-ext,+mutable-globals,+nontrapping-fptoint --cfg curve25519_dalek_backend=\"serial\" --cfg curve25519_dalek_bits=\"${QUINCE_DALEK_BITS:-32}\" -C link-arg=-zstack-size=65536"
"$CARGO" build --release --locked --target wasm32-unknown-unknown -Zbuild-std=core,panic_abort -p quince-bind

mkdir -p target/out
npx -y --package=binaryen@132.0.0 wasm-opt -O4 --enable-simd --enable-bulk-memory --enable-sign-ext \
  --enable-mutable-globals --enable-nontrapping-float-to-int \
  target/wasm32-unknown-unknown/release/quince_bind.wasm -o target/out/quince_core.wasm
DENO=${DENO:-deno}
"$DENO" run --allow-read=. --allow-write=lib build_lib.ts target/out/quince_core.wasm
