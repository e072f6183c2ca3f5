"""deploy/kuberay.yaml: its fields are KubeRay's, its pods Kubernetes', and who has no token is kept out."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from fieldmark.search.executors.could_have import parse_maximum


def _kuberay(root: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    job, policy = yaml.safe_load_all((root / "deploy" / "kuberay.yaml").read_text())
    return job, policy


# The fields of ray.io/v1 as KubeRay 1.6 publishes them in its API reference, as far as a job like ours could use them.
# The CRD itself is in no package registry; these facts were read from the reference and the operator's source.
JOB = {
    "activeDeadlineSeconds": int,
    "backoffLimit": int,
    "entrypoint": str,
    "entrypointNumCpus": (int, float),
    "metadata": dict,
    "rayClusterSpec": dict,
    "runtimeEnvYAML": str,
    "shutdownAfterJobFinishes": bool,
    "submissionMode": str,
    "submitterPodTemplate": dict,
    "suspend": bool,
    "ttlSecondsAfterFinished": int,
}
CLUSTER = {
    "authOptions": dict,
    "autoscalerOptions": dict,
    "enableInTreeAutoscaling": bool,
    "headGroupSpec": dict,
    "rayVersion": str,
    "workerGroupSpecs": list,
}
GROUP = {"rayStartParams": dict, "template": dict}
WORKERS = {**GROUP, "groupName": str, "replicas": int, "minReplicas": int, "maxReplicas": int}


def test_kuberay_knows_every_field(root: Path) -> None:
    job, _ = _kuberay(root)
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    cluster = job["spec"]["rayClusterSpec"]
    _only(job["spec"], JOB)
    _only(cluster, CLUSTER)
    _only(cluster["headGroupSpec"], GROUP)
    _only(cluster["autoscalerOptions"], {"idleTimeoutSeconds": int, "upscalingMode": str})
    for group in cluster["workerGroupSpecs"]:
        _only(group, WORKERS)
        assert set(group) >= {"groupName", "minReplicas", "maxReplicas", "rayStartParams", "template"}
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
    with pytest.raises(AssertionError):
        _only({"backoffLimits": 3}, JOB)


def _only(value: dict[str, Any], fields: dict[str, Any]) -> None:
    for key, one in value.items():
        assert key in fields and isinstance(one, fields[key]), key


def test_rays_autoscaler_reads_the_kuberay_cluster(root: Path) -> None:
    from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr

    job, _ = _kuberay(root)
    cluster = {"metadata": {"name": "fieldmark", "namespace": "lab"}, "spec": job["spec"]["rayClusterSpec"]}
    config = _derive_autoscaling_config_from_ray_cr(cluster)  # validates by ray-schema.json, too
    assert config["available_node_types"]["gpu"]["resources"] == {"CPU": 8, "GPU": 1, "memory": 32 * 2**30}
    assert config["available_node_types"]["headgroup"]["resources"]["CPU"] == 0
    assert (config["max_workers"], config["idle_timeout_minutes"]) == (8, 10)
    text = next(one["value"] for one in _environment(cluster["spec"]["headGroupSpec"]) if "MAX" in one["name"])
    workers = config["available_node_types"]["gpu"]
    assert parse_maximum(text) == {kind: workers["resources"][kind] * workers["max_workers"] for kind in ("CPU", "GPU")}


def _environment(group: dict[str, Any]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = group["template"]["spec"]["containers"][0]["env"]
    return found


def test_kubernetes_takes_the_pods_and_the_policy(root: Path) -> None:
    validator = pytest.importorskip("kubernetes_validate", reason="pip install kubernetes-validate")
    job, policy = _kuberay(root)
    cluster = job["spec"]["rayClusterSpec"]
    validator.validate(policy, validator.latest_version(), strict=True)
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        whole = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "x"}, "template": group["template"]}
        validator.validate(whole, validator.latest_version(), strict=True)
        whole["template"] = {"spec": {**group["template"]["spec"], "containrs": []}}
        with pytest.raises(validator.ValidationError):
            validator.validate(whole, validator.latest_version(), strict=True)


def test_the_kuberay_job_is_guarded_and_says_its_store(root: Path) -> None:
    job, policy = _kuberay(root)
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token", "secretName": "fieldmark-token"}
    assert policy["spec"]["podSelector"]["matchLabels"] == {"ray.io/is-ray-node": "yes"}
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        environment = {one["name"]: one["value"] for one in _environment(group)}
        assert environment["FIELDMARK_STORE"] == "STORE"  # refused until it is filled in
    assert job["spec"]["backoffLimit"] >= 1


def test_the_kuberay_image_has_the_ray_of_the_constraints(root: Path) -> None:
    (version,) = re.findall(r"^ray==(\S+)$", (root / "constraints.txt").read_text(), re.MULTILINE)
    text = (root / "deploy" / "kuberay.yaml").read_text()
    assert f'rayVersion: "{version}"' in text and f"rayproject/ray:{version}-py311" in text
