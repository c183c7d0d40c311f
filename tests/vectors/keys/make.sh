#!/bin/sh
# Makes the key files in this folder with OpenSSL 3 and Python 3. The keys are new each time: they are thrown away.
set -eu
cd "$(dirname "$0")"
pass="pass:correct horse battery staple"
plain=$(mktemp -d)
trap 'rm -r "$plain"' EXIT
openssl genpkey -algorithm ED25519 -out "$plain/ed25519"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$plain/p256"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$plain/p384"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit -out "$plain/explicit"
encrypt() { out=$1; key=$2; shift 2; openssl pkcs8 -topk8 -in "$plain/$key" -out "$out.pem" -passout "$pass" "$@"; }
encrypt ed25519-pbkdf2-aes128 ed25519 -v2 aes-128-cbc
encrypt ed25519-pbkdf2-aes256 ed25519
encrypt ed25519-scrypt ed25519 -scrypt
encrypt p256-pbkdf2-aes128 p256 -v2 aes-128-cbc
encrypt p256-pbkdf2-aes256 p256 -iter 600000
encrypt p256-pbkdf2-sha512 p256 -v2prf hmacWithSHA512
encrypt p256-scrypt p256 -scrypt
encrypt refused-pbkdf2-sha1 p256 -v2prf hmacWithSHA1
encrypt refused-des3 p256 -v2 des3
encrypt refused-p384 p384
encrypt refused-explicit explicit
openssl ec -in "$plain/p256" -out refused-sec1.pem 2>/dev/null
openssl pkey -in "$plain/p384" -out refused-p384-plain.pem
python3 - <<'PYTHON'
import base64

def change(source, old, new, name):
    lines = open(source).read().split("\n")
    der = base64.b64decode("".join(lines[1:-2]))
    assert der.count(old) == 1 and len(old) == len(new), name
    text = base64.b64encode(der.replace(old, new)).decode()
    body = [text[at : at + 64] for at in range(0, len(text), 64)]
    open(name, "w").write("\n".join([lines[0], *body, lines[-2], ""]))

n, r, p = bytes.fromhex("02024000"), b"\2\1\10", b"\2\1\1"
change("p256-scrypt.pem", n + r + p, bytes.fromhex("02024001") + r + p, "hostile-scrypt-odd-n.pem")
change("p256-scrypt.pem", n + r + p, bytes.fromhex("02020000") + r + p, "hostile-scrypt-long-zero.pem")
change("p256-scrypt.pem", n + r + p, n + r + b"\2\1\0", "hostile-scrypt-no-repetition.pem")
change("p256-scrypt.pem", n + r + p, n + b"\2\1\0" + p, "hostile-scrypt-no-block.pem")
change("p256-scrypt.pem", n + r + p, bytes.fromhex("02024000") + b"\2\1\x7f" + b"\2\1\x7f", "hostile-scrypt-work.pem")


PYTHON
