"""deploy/kuberay.yaml: its fields are KubeRay's, its pods Kubernetes', and who has no token is kept out."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from fieldmark.errors import UserError
from fieldmark.search.cluster.definition import check_store
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
    _only(cluster["autoscalerOptions"], {"idleTimeoutSeconds": int, "upscalingMode": str, "env": list})
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
    text = _environment(cluster["spec"]["headGroupSpec"])["FIELDMARK_CLUSTER_MAX"]
    workers = config["available_node_types"]["gpu"]
    one = {kind: workers["resources"][kind] for kind in ("CPU", "GPU")}
    assert list(parse_maximum(text)) == [one] * workers["max_workers"]


def _environment(group: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in group["template"]["spec"]["containers"][0]["env"]}


def test_kubernetes_takes_the_pods_and_the_policy(root: Path) -> None:
    validator = pytest.importorskip(
        "kubernetes_validate", reason="no kubernetes-validate: the extra 'deploy' (CONTRIBUTING.md)"
    )
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
    job, _ = _kuberay(root)
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token", "secretName": "fieldmark-token"}
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        with pytest.raises(UserError, match="not filled in"):
            check_store(_environment(group)["FIELDMARK_STORE"])
    assert job["spec"]["backoffLimit"] >= 1


def test_only_the_cluster_itself_its_submitter_and_the_operator_reach_the_pods(root: Path) -> None:
    job, policy = _kuberay(root)
    cluster = job["spec"]["rayClusterSpec"]
    own = policy["spec"]["podSelector"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        assert own["matchLabels"].items() <= group["template"]["metadata"]["labels"].items()
    itself, others = policy["spec"]["ingress"]
    assert itself == {"from": [{"podSelector": own}]}  # torch.distributed uses any port
    assert others["ports"] == [{"protocol": "TCP", "port": 8265}]
    submitter, operator = others["from"]
    # Kubernetes puts this label on the pods of a Job, and KubeRay calls the Job of a RayJob as the RayJob is called.
    assert submitter == {"podSelector": {"matchLabels": {"batch.kubernetes.io/job-name": job["metadata"]["name"]}}}
    assert set(operator) == {"namespaceSelector"}


def test_workers_have_no_rights_in_kubernetes(root: Path) -> None:
    cluster = _kuberay(root)[0]["spec"]["rayClusterSpec"]
    head = cluster["headGroupSpec"]["template"]["spec"]
    for group in cluster["workerGroupSpecs"]:
        spec = group["template"]["spec"]
        # KubeRay lets the head's account change pods, for the autoscaler that runs beside it.
        assert spec["serviceAccountName"] != head["serviceAccountName"]
        assert spec["automountServiceAccountToken"] is False


def test_what_answers_anybody_is_as_off_as_in_cluster_yaml(root: Path) -> None:
    cluster = _kuberay(root)[0]["spec"]["rayClusterSpec"]
    start = yaml.safe_load((root / "cluster.yaml").read_text())["head_start_ray_commands"][-1]
    asked = dict(re.findall(r"(RAY_enable_metrics_collection|\w+_METRIC_PORT|RAY_START_HOOK)=([^\s;]+)", start))
    assert len(asked) == 4
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        assert asked.items() <= _environment(group).items()
    beside = {one["name"]: one["value"] for one in cluster["autoscalerOptions"]["env"]}
    assert beside == {"AUTOSCALER_METRIC_PORT": asked["AUTOSCALER_METRIC_PORT"]}


def test_the_kuberay_image_has_the_ray_of_the_constraints(root: Path) -> None:
    (version,) = re.findall(r"^ray==(\S+)$", (root / "constraints.txt").read_text(), re.MULTILINE)
    text = (root / "deploy" / "kuberay.yaml").read_text()
    assert f'rayVersion: "{version}"' in text and f"rayproject/ray:{version}-py311" in text


def test_the_kuberay_images_recipe_takes_what_the_package_needs_and_no_more(root: Path) -> None:
    text = (root / "deploy" / "kuberay.yaml").read_text()
    lines = re.findall(r"#   COPY --chown=ray:users (.+) \S+$", text, re.MULTILINE)
    copied = {name for line in lines for name in line.split()}
    assert copied == {"pyproject.toml", "constraints.txt", "README.md", "platform", "search_spaces", "jobs"}
    assert all((root / name).exists() for name in copied)
    ignored = (root / ".dockerignore").read_text().split("\n")
    assert {".git", ".venv", "runs", "reports", "data"} <= set(ignored) and not copied & set(ignored)
