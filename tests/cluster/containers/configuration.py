"""What the programs of a real node are told: containerd, its network, kubelet and proxy.

Everything that they keep lies in the world's own /run, which is memory and goes with it.
"""

import base64
import json
import secrets
from pathlib import Path
from typing import Any, Final

import yaml

from tests.cluster.containers.images import PAUSE
from tests.cluster.containers.world import NODE, NODE_ADDRESS

CONTAINERD: Final = "/run/containerd/containerd.sock"
PODS: Final = "10.244.1.0/24"
USERS: Final = {
    "kubelet": (f"system:node:{NODE}", "system:nodes"),
    "kube-proxy": ("system:kube-proxy", "system:node-proxier"),
}

Json = dict[str, Any]


def write_node_configuration(folder: Path, *, plugins: Path) -> None:
    """Write the files that the programs of a node are started with."""
    _write_credentials(folder)
    (folder / "containerd.toml").write_text(_containerd(folder, plugins))
    network = folder / "network"
    network.mkdir()
    for name, content in {
        network / "10-pods.conflist": _network(),
        folder / "kubelet.yaml": _kubelet(folder),
        folder / "kube-proxy.yaml": _proxy(),
    }.items():
        name.write_text(json.dumps(content))


def _write_credentials(folder: Path) -> None:
    """Tokens for kubelet and proxy, and the certificate by which the API server calls a kubelet."""
    admin = yaml.safe_load((folder / "admin-token.kubeconfig").read_text())
    with (folder / "tokens.csv").open("a") as tokens:
        for name, (user, group) in USERS.items():
            own = secrets.token_hex(32)
            tokens.write(f"{own},{user},{user},{group}\n")
            admin["users"][0]["user"]["token"] = own
            _write_secret(folder / f"{name}.kubeconfig", json.dumps(admin))
    known = yaml.safe_load((folder / "admin.kubeconfig").read_text())["users"][0]["user"]
    for kind, suffix in (("client-certificate-data", "crt"), ("client-key-data", "key")):
        content = base64.b64decode(known[kind]).decode()
        _write_secret(folder / f"apiserver-kubelet.{suffix}", content)


def _write_secret(path: Path, content: str) -> None:
    path.touch(mode=0o600)
    path.write_text(content)


def api_server_arguments() -> tuple[str, ...]:
    """What the API server does otherwise beside a real node: it can be reached, and reaches it."""
    return (
        "--bind-address=0.0.0.0",
        f"--advertise-address={NODE_ADDRESS}",
        "--endpoint-reconciler-type=lease",
        "--kubelet-client-certificate=apiserver-kubelet.crt",
        "--kubelet-client-key=apiserver-kubelet.key",
        "--kubelet-preferred-address-types=InternalIP",
    )


def _containerd(folder: Path, plugins: Path) -> str:
    return f"""version = 3
root = '/run/containerd/root'
state = '/run/containerd/state'

[grpc]
address = '{CONTAINERD}'

[plugins.'io.containerd.cri.v1.images']
snapshotter = 'overlayfs'

[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = '{PAUSE}'

[plugins.'io.containerd.cri.v1.runtime']
# Not every machine lets root make a process less likely to be killed for want of memory.
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true

[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ['{plugins}']
conf_dir = '{folder}/network'

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = 'io.containerd.runc.v2'

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
SystemdCgroup = false
"""


def _network() -> Json:
    addresses = {
        "type": "host-local",
        "dataDir": "/run/addresses",
        "ranges": [[{"subnet": PODS}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {
        "type": "bridge",
        "bridge": "pods",
        "isGateway": True,
        "hairpinMode": True,
        "ipam": addresses,
    }
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge]}


def _kubelet(folder: Path) -> Json:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{folder}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "containerRuntimeEndpoint": f"unix://{CONTAINERD}",
        "podLogsDir": "/run/pod-logs",
        "resolvConf": "/run/resolv.conf",
        "makeIPTablesUtilChains": False,
        # There is nothing to make room for: the images are in memory, and few.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%"},
        "syncFrequency": "10s",
    }


def _proxy() -> Json:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "hostnameOverride": NODE,
        "bindAddress": NODE_ADDRESS,
        "clientConnection": {"kubeconfig": "kube-proxy.kubeconfig"},
        # A pod answers another one directly, past the rules, unless it sees the node's address.
        "nftables": {"masqueradeAll": True},
        # The tables of connections are the machine's to size.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    }
