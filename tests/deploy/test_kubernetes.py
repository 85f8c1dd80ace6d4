"""The kustomizations: rendered, held against the schemas, and against what Pod Security and probes demand."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import Settings, unknown_variables
from tests.tools import ROOT, run, tool

pytestmark = pytest.mark.deploy
KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = sorted(path.parent for path in KUBERNETES.glob("overlays/*/kustomization.yaml"))
each_overlay = pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
SECRET = "postgresql+psycopg://berth:made-up@postgres.example.com/berth"
OF_OPERATORS = ("monitoring.coreos.com/v1", "secrets.infisical.com/v1alpha1")
"""Kinds that Kubernetes itself has no schema of."""


@cache
def rendered(overlay: Path) -> list[dict[str, Any]]:
    """What would be applied."""
    text = run(tool("kubectl", "https://kubernetes.io/docs/tasks/tools/"), "kustomize", str(overlay))
    return [each for each in yaml.safe_load_all(text) if each]


def one(documents: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The only object of its kind."""
    [found] = [each for each in documents if each["kind"] == kind]
    return found


@each_overlay
def test_every_object_follows_the_schema_strictly(overlay: Path, tmp_path: Path) -> None:
    """An unknown field would be dropped by the server without a word."""
    known = [each for each in rendered(overlay) if each["apiVersion"] not in OF_OPERATORS]
    file = tmp_path / "all.yaml"
    file.write_text(yaml.safe_dump_all(known))
    said = run(tool("kubernetes-validate", "make setup"), "--strict", str(file))
    assert said.count(" passed ") == len(known)
    kinds = {each["kind"] for each in known}
    assert kinds >= {"Deployment", "Service", "Ingress", "PodDisruptionBudget", "NetworkPolicy"}


@each_overlay
def test_pods_are_restricted(overlay: Path) -> None:
    """By the Pod Security standard of that name, and the namespace enforces it."""
    documents = rendered(overlay)
    labels = one(documents, "Namespace")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    pod = one(documents, "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    assert {next(iter(set(volume) - {"name"})) for volume in pod["volumes"]} <= {
        "secret",
        "configMap",
        "emptyDir",
        "persistentVolumeClaim",
    }


@each_overlay
def test_selectors_ports_and_claims_find_what_they_mean(overlay: Path) -> None:
    """What the schema cannot see: names that have to be the same in two places."""
    documents = rendered(overlay)
    template = one(documents, "Deployment")["spec"]["template"]
    labels, [container] = template["metadata"]["labels"], template["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    service = one(documents, "Service")
    assert service["spec"]["selector"].items() <= labels.items()
    assert {port["targetPort"] for port in service["spec"]["ports"]} == set(ports)
    budget = one(documents, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"]
    assert budget.items() <= labels.items()
    for constraint in template["spec"]["topologySpreadConstraints"]:
        assert constraint["labelSelector"]["matchLabels"].items() <= labels.items()
    volumes = {volume["name"] for volume in template["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
    variables = {each["name"]: each.get("value") for each in container["env"]}
    assert int(variables["BERTH_METRICS_PORT"] or 0) == ports["metrics"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == "http"


@each_overlay
def test_what_a_pod_is_told_is_an_environment_that_berth_starts_with(overlay: Path) -> None:
    """Secrets filled in, and listening beyond loopback, as the image does."""
    container = one(rendered(overlay), "Deployment")["spec"]["template"]["spec"]["containers"][0]
    variables = {each["name"]: each.get("value", SECRET) for each in container["env"]}
    assert unknown_variables(variables) == []
    assert Settings.read({**variables, "BERTH_HOST": "0.0.0.0"}).netbox_url.startswith("https://")


@each_overlay
def test_pods_may_finish_what_they_accepted(overlay: Path) -> None:
    """The grace period covers the pause before the signal, and what Berth drains after it."""
    pod = one(rendered(overlay), "Deployment")["spec"]["template"]["spec"]
    pause = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][-1])
    drain = Settings.model_fields["drain_seconds"].default
    assert pod["terminationGracePeriodSeconds"] >= pause + drain + 5


def test_a_sqlite_ledger_has_one_process_and_a_volume_of_its_own() -> None:
    """Two pods beside each other during a rollout would be two processes on one ledger."""
    documents = rendered(KUBERNETES / "overlays" / "single")
    deployment = one(documents, "Deployment")["spec"]
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
    claim = one(documents, "PersistentVolumeClaim")
    volumes = {volume["name"]: volume for volume in deployment["template"]["spec"]["volumes"]}
    assert volumes["state"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]


def test_replicas_share_a_database_and_are_watched() -> None:
    """Its URL holds a password, so it comes from the Secret."""
    documents = rendered(KUBERNETES / "overlays" / "replicas")
    deployment = one(documents, "Deployment")["spec"]
    assert deployment["replicas"] > 1
    variables = {each["name"]: each for each in deployment["template"]["spec"]["containers"][0]["env"]}
    assert variables["BERTH_DATABASE_URL"]["valueFrom"]["secretKeyRef"]["name"] == "berth"
    monitor, service = one(documents, "ServiceMonitor")["spec"], one(documents, "Service")
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert {each["port"] for each in monitor["endpoints"]} <= {
        port["name"] for port in service["spec"]["ports"]
    }


def test_the_operators_rules_are_the_rules() -> None:
    """The file is a copy with a head, since kustomize reads nothing outside of its folder."""
    rules = yaml.safe_load((ROOT / "deploy" / "monitoring" / "rules.yaml").read_text())
    copy = yaml.safe_load((KUBERNETES / "components" / "monitoring" / "prometheusrule.yaml").read_text())
    assert copy["spec"] == rules
