#!/bin/sh
# Lints the Helm chart and renders it for every values file in charts/chaosday/ci,
# then holds the manifests against Kubernetes' own schemas.
set -eu
cd "$(dirname "$0")/.."

chart=charts/chaosday
helm="$(tools/helm.sh)"
rendered=.cache/rendered
mkdir -p "$rendered"

for values in "$chart"/ci/*-values.yaml; do
    name="$(basename "$values" -values.yaml)"
    echo "chart: $name"
    "$helm" lint --strict --quiet --values "$values" "$chart"
    "$helm" template release-name "$chart" --namespace chaosday --values "$values" >"$rendered/$name.yaml"
    .venv/bin/kubernetes-validate --strict --quiet "$rendered/$name.yaml"
done
