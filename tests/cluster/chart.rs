//! The chart as it is rendered: what a cluster's own rules say about it. That its rights are enough, and every other test's operator runs under
//! them, is the oracle's.

use std::path::Path;

use compose_operator::translate::Policy;
use k8s_openapi::api::core::v1::Pod;
use kube::api::PostParams;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{Space, helm};

/// The chart's Deployment with these values.
fn deployment(values: &[&str]) -> Value {
    let rendered = render(values).unwrap();
    let documents = serde_yaml::Deserializer::from_str(&rendered).map(|document| Value::deserialize(document).unwrap());
    documents.into_iter().find(|document| document["kind"] == "Deployment").unwrap()
}

fn render(values: &[&str]) -> Result<String, String> {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/compose-operator");
    let mut arguments = vec!["template", "compose-operator", chart.to_str().unwrap()];
    for value in values {
        arguments.extend(["--set", value]);
    }
    helm(&arguments)
}

#[tokio::test]
async fn the_operators_pod_is_admitted_where_pod_security_is_restricted() {
    let space = Space::open_labelled("restricted", json!({"pod-security.kubernetes.io/enforce": "restricted"})).await;
    let template = &deployment(&[])["spec"]["template"];
    let mut spec = template["spec"].clone();
    spec["serviceAccountName"] = "default".into();
    let pod: Pod = serde_json::from_value(json!({"metadata": {"name": "operator"}, "spec": spec})).unwrap();
    let params = PostParams { dry_run: true, ..PostParams::default() };
    // The account is made a moment after its namespace.
    space.until::<k8s_openapi::api::core::v1::ServiceAccount>("default", "there", |found| found.is_some()).await;
    space.api::<Pod>().create(&params, &pod).await.unwrap();
    space.close().await;
}

#[tokio::test]
async fn values_become_the_operators_settings() {
    let deployment = deployment(&["settings.publish=LoadBalancer", "settings.volumeSize=5Gi", "replicas=2"]);
    assert_eq!(deployment["spec"]["replicas"], 2);
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let variable = |name: &str| {
        let variables = container["env"].as_array().unwrap();
        variables.iter().find(|variable| variable["name"] == name).map(|variable| variable["value"].clone())
    };
    assert_eq!(variable("COMPOSE_OPERATOR_PUBLISH"), Some("LoadBalancer".into()));
    assert_eq!(variable("COMPOSE_OPERATOR_VOLUME_SIZE"), Some("5Gi".into()));
    assert_eq!(variable("COMPOSE_OPERATOR_NETWORK_POLICY"), None);
}

#[tokio::test]
async fn the_policy_is_a_file_that_the_operator_reads_at_its_start() {
    let values = ["policy.hostNetwork=true", "policy.hostPaths[0].path=/srv", "policy.runtimes.kata=kata-qemu"];
    let rendered = render(&values).unwrap();
    let documents: Vec<Value> =
        serde_yaml::Deserializer::from_str(&rendered).map(|document| Value::deserialize(document).unwrap()).collect();
    let config = documents.iter().find(|document| document["kind"] == "ConfigMap").unwrap();
    let policy: Policy = serde_yaml::from_str(config["data"]["policy.yaml"].as_str().unwrap()).unwrap();
    assert!(policy.host_network && policy.allows_host_path("/srv/x", false) && policy.runtimes["kata"] == "kata-qemu");
    let pod = &deployment(&values)["spec"]["template"];
    assert_eq!(pod["spec"]["volumes"][0]["configMap"]["name"], config["metadata"]["name"]);
    let container = &pod["spec"]["containers"][0];
    let directory = container["volumeMounts"][0]["mountPath"].as_str().unwrap();
    let path = format!("{directory}/policy.yaml");
    assert!(container["env"].as_array().unwrap().contains(&json!({"name": "COMPOSE_OPERATOR_POLICY", "value": path})));
    let other = &deployment(&["policy.hostNetwork=false"])["spec"]["template"]["metadata"]["annotations"];
    assert_ne!(&pod["metadata"]["annotations"], other, "another policy is another pod");
    assert_eq!(deployment(&[])["spec"]["template"]["spec"]["volumes"], Value::Null);
}

#[tokio::test]
async fn values_that_the_chart_does_not_know_are_refused() {
    assert!(render(&["policy.hostnetwork=true"]).unwrap_err().contains("hostnetwork"));
    assert!(render(&["replica=2"]).unwrap_err().contains("replica"));
    assert!(render(&["settings.publish=Ingress"]).unwrap_err().contains("publish"));
}

#[tokio::test]
async fn without_optional_kinds_the_operator_has_no_rights_to_them_and_is_told() {
    let rights = |rendered: &str| {
        let documents: Vec<Value> =
            serde_yaml::Deserializer::from_str(rendered).map(|document| Value::deserialize(document).unwrap()).collect();
        let role = documents.iter().find(|document| document["kind"] == "ClusterRole").unwrap();
        let rules = role["rules"].as_array().unwrap().clone();
        rules
            .iter()
            .flat_map(|rule| rule["resources"].as_array().unwrap().clone())
            .filter_map(|name| Some(name.as_str()?.to_owned()))
            .collect::<Vec<_>>()
    };
    let kinds = ["horizontalpodautoscalers", "poddisruptionbudgets", "ingresses", "httproutes", "deployments/scale"];
    let all = rights(&render(&[]).unwrap());
    assert!(kinds.iter().all(|kind| all.iter().any(|right| right == kind)), "{all:?}");
    let some = rights(&render(&["optionalKinds={Ingress}"]).unwrap());
    let left: Vec<_> = kinds.iter().filter(|kind| some.iter().any(|right| right == *kind)).collect();
    assert_eq!(left, [&"ingresses"]);
    let variables = deployment(&["optionalKinds={Ingress}"])["spec"]["template"]["spec"]["containers"][0]["env"].clone();
    let told = variables.as_array().unwrap().iter().find(|variable| variable["name"] == "COMPOSE_OPERATOR_OPTIONAL_KINDS").unwrap().clone();
    assert_eq!(told["value"], "Ingress");
    assert!(render(&["optionalKinds={Gateway}"]).unwrap_err().contains("optionalKinds"));
}
