"""The way to the target cluster: kubeconfigs, plugins, certificates, proxies, a pod's account."""
