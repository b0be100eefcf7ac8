#!/bin/sh
# What a careful person would write instead: by_hand.sh WEIGHT1 WEIGHT2 applies the split and asks the
# Envoy of every gateway until it routes so.
set -eu
kubectl get virtualservice myapp --output=json |
	python3 -c '
import json, sys
service = json.load(sys.stdin)
for route, weight in zip(service["spec"]["http"][0]["route"], sys.argv[1:]):
    route["weight"] = int(weight)
service["metadata"] = {key: service["metadata"][key] for key in ("name", "namespace")}
print(json.dumps(service))' "$1" "$2" |
	kubectl apply --server-side --force-conflicts --filename=-
for pod in $(kubectl get pods --all-namespaces --selector=istio=ingressgateway --output=name); do
	until kubectl exec --namespace=istio-system "$pod" -- \
		pilot-agent request GET 'config_dump?resource=dynamic_route_configs' | grep -q "\"weight\": $1\$"; do
		sleep 0.1
	done
done
