#!/bin/sh
# Verify one token with openssl alone:  sh examples/verify.sh TOKEN JWK
#
# TOKEN is a compact JWS, JWK the signer's public key as JSON ({"kty":"EC","crv":"P-256","x":...,"y":...}); each may be
# the text itself or a file that holds it. Prints the payload and ends with 0 if the key signed it, else ends with 1.
# Needs a POSIX shell, openssl, and tr, sed, od, cut. Nothing of Nameplate runs here: that is the point.
set -eu
[ $# -eq 2 ] || { echo "usage: $0 TOKEN JWK" >&2; exit 2; }
given() { if [ -f "$1" ]; then cat "$1"; else printf '%s' "$1"; fi; }
token=$(given "$1" | tr -d '\r\n') jwk=$(given "$2" | tr -d ' \r\n')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# base64url has no padding and two letters of its own; openssl wants plain base64 with padding.
decode() {
    text=$(printf '%s' "$1" | tr -- '-_' '+/')
    case $((${#text} % 4)) in 2) text=$text== ;; 3) text=$text= ;; esac
    printf '%s' "$text" | openssl base64 -d -A
}
member() { printf '%s' "$jwk" | sed -n 's/.*"'"$1"'":"\([^"]*\)".*/\1/p'; }
hex() { od -An -v -tx1 "$1" | tr -d ' \n'; }

case $token in *.*.*.* | *..* | .* | *.) echo "not a compact JWS of three parts" >&2; exit 1 ;; *.*.*) ;; *) echo "not a compact JWS of three parts" >&2; exit 1 ;; esac
header=${token%%.*} rest=${token#*.}
payload=${rest%%.*} signature=${rest#*.}

# A verifier decides on the algorithm; the token only may agree.
decode "$header" > "$work/header"
grep -q '^{"alg":"ES256",' "$work/header" || { echo "not ES256" >&2; exit 1; }
[ "$(member crv)" = P-256 ] || { echo "the key is not on P-256" >&2; exit 1; }

# The public key as SubjectPublicKeyInfo: 26 fixed bytes that say "a point on P-256", an 04, then x and y.
{
    printf '\060\131\060\023\006\007\052\206\110\316\075\002\001\006\010\052\206\110\316\075\003\001\007\003\102\000\004'
    decode "$(member x)"
    decode "$(member y)"
} > "$work/key.der"

# JWS carries the signature as r || s, 32 bytes each; openssl wants a DER SEQUENCE of two INTEGERs.
decode "$signature" > "$work/raw"
raw=$(hex "$work/raw")
[ ${#raw} -eq 128 ] || { echo "the signature is not 64 bytes" >&2; exit 1; }
printf 'asn1=SEQUENCE:pair\n[pair]\nr=INTEGER:0x%s\ns=INTEGER:0x%s\n' \
    "$(printf '%s' "$raw" | cut -c1-64)" "$(printf '%s' "$raw" | cut -c65-128)" > "$work/asn1"
openssl asn1parse -genconf "$work/asn1" -noout -out "$work/signature.der"

# What is signed are the characters before the last dot, as they stand.
printf '%s' "$header.$payload" > "$work/signed"
openssl dgst -sha256 -verify "$work/key.der" -keyform DER -signature "$work/signature.der" "$work/signed" >&2 || exit 1
decode "$payload"
echo
