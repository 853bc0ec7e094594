"""Pod Security Standards, level *restricted*, as the API server evaluates it.

Source: kubernetes v1.34 staging/src/k8s.io/pod-security-admission/policy, one check_*.go for each
check here, named by its file; https://kubernetes.io/docs/concepts/security/pod-security-standards/
says the same in words. *restricted* includes *baseline*.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]

HOST = ("hostNetwork", "hostPID", "hostIPC")
VOLUMES = frozenset(
    (
        *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim"),
        *("projected", "secret"),
    )
)
SECCOMP = ("RuntimeDefault", "Localhost")
SELINUX = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
SYSCTLS = frozenset(
    (
        *(
            "kernel.shm_rmid_forced",
            "net.ipv4.ip_local_port_range",
            "net.ipv4.ip_local_reserved_ports",
        ),
        *(
            "net.ipv4.ip_unprivileged_port_start",
            "net.ipv4.ping_group_range",
            "net.ipv4.tcp_fin_timeout",
        ),
        *(
            "net.ipv4.tcp_keepalive_intvl",
            "net.ipv4.tcp_keepalive_probes",
            "net.ipv4.tcp_syncookies",
        ),
        *("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
    )
)
CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def refusals(pod: Object) -> Iterator[str]:
    """What the level *restricted* refuses of a PodSpec, a sentence for each breach."""
    context = pod.get("securityContext") or {}
    for key in HOST:  # check_hostNamespaces.go
        if pod.get(key):
            yield f"{key}: expected false"
    for volume in pod.get("volumes") or ():  # check_restrictedVolumes.go
        if kinds := volume.keys() - {"name"} - VOLUMES:
            yield f"volume {volume['name']}: expected another kind, found {', '.join(kinds)}"
    for each in context.get("sysctls") or ():  # check_sysctls.go
        if each["name"] not in SYSCTLS:
            yield f"sysctl {each['name']}: expected none but the safe ones"
    for sentence in _both(context):
        yield f"the pod's {sentence}"
    for kind in CONTAINERS:
        for container in pod.get(kind) or ():
            for sentence in _container(container, context):
                yield f"{kind} {container.get('name')}: {sentence}"


def _both(context: Object) -> Iterator[str]:
    """What a pod's context and a container's have in common."""
    if context.get("runAsUser") == 0:  # check_runAsUser.go
        yield "runAsUser: expected another than 0"
    if (context.get("windowsOptions") or {}).get("hostProcess"):  # check_windowsHostProcess.go
        yield "windowsOptions.hostProcess: expected false"
    selinux = context.get("seLinuxOptions") or {}  # check_seLinuxOptions.go
    if selinux.get("type", "") not in SELINUX or selinux.get("user") or selinux.get("role"):
        yield f"seLinuxOptions: expected a container's type alone, found {selinux}"
    if (context.get("appArmorProfile") or {}).get(
        "type"
    ) == "Unconfined":  # check_appArmorProfile.go
        yield "appArmorProfile: expected RuntimeDefault or Localhost"


def _container(container: Object, pod: Object) -> Iterator[str]:
    own = container.get("securityContext") or {}
    yield from _both(own)
    if own.get("privileged"):  # check_privileged.go
        yield "privileged: expected false"
    if own.get("procMount", "Default") != "Default":  # check_procMount.go
        yield f"procMount: expected Default, found {own['procMount']}"
    if own.get("allowPrivilegeEscalation") is not False:  # check_allowPrivilegeEscalation.go
        yield "allowPrivilegeEscalation: expected false"
    capabilities = own.get("capabilities") or {}  # check_capabilities_restricted.go
    if "ALL" not in (capabilities.get("drop") or ()):
        yield "capabilities.drop: expected ALL"
    if added := {*(capabilities.get("add") or ())} - {"NET_BIND_SERVICE"}:
        yield f"capabilities.add: expected none, found {', '.join(sorted(added))}"
    if own.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:  # check_runAsNonRoot.go
        yield "runAsNonRoot: expected true, here or of the pod"
    # check_seccompProfile_restricted.go
    profile = own.get("seccompProfile") or pod.get("seccompProfile") or {}
    if profile.get("type") not in SECCOMP:
        yield f"seccompProfile: expected {' or '.join(SECCOMP)}, found {profile.get('type')}"
    for port in container.get("ports") or ():  # check_hostPorts.go
        if port.get("hostPort"):
            yield f"hostPort: expected none, found {port['hostPort']}"
    for handler in _handlers(container):  # check_hostProbesAndHostLifecycle.go
        for action in ("httpGet", "tcpSocket"):
            if (handler.get(action) or {}).get("host"):
                yield f"{action}.host: expected none, found {handler[action]['host']}"


def _handlers(container: Object) -> Iterator[Object]:
    yield from (container[key] for key in PROBES if container.get(key))
    yield from (container.get("lifecycle") or {}).values()
