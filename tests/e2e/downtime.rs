//! Nobody notices a change: not of the image, not of a config, not of the operator.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::support::{OPERATOR_NAMESPACE, Space, Steady, installed, until};

/// Asks by the service's name from within the stack, and says `ok` or `failed` for each request.
const CLIENT: &str = r#"
until wget -q -O /dev/null http://web/; do sleep 0.1; done
while :; do timeout 5 wget -q -O /dev/null http://web/ && echo ok || echo failed; sleep 0.05; done
"#;

fn shop(image: &str, page: &str) -> Value {
    let web = json!({
        "image": image, "ports": ["8080:80"], "deploy": {"replicas": 3}, "configs": [{"source": "page", "target": "/usr/share/nginx/html/index.html"}],
        "healthcheck": {"test": "curl -sf http://127.0.0.1/", "interval": "1s"},
    });
    let client = json!({"image": "busybox", "init": true, "command": ["sh", "-c", CLIENT], "depends_on": ["web"]});
    let file = json!({"services": {"web": web, "client": client}, "configs": {"page": {"content": page}}});
    json!({"compose": file.to_string()})
}

/// A shop that is asked all the time, from within and from outside.
struct Asked {
    space: Space,
    steady: Steady,
}

impl Asked {
    async fn open(topic: &str) -> Self {
        let space = Space::open(topic).await;
        space.create_spec("shop", shop("nginx:1", "one")).await;
        space.ready("shop").await;
        space.logs_until("client", "that it was answered", |said| said.contains("ok")).await;
        let url = format!("http://{}", space.published("shop", "web", 80).await);
        crate::support::answer(&[&url], "with its page", |page| page == "one").await;
        let steady = Steady::ask(topic, &url);
        steady.more(10).await;
        Self { space, steady }
    }

    /// The change is through: some requests later none must have failed.
    async fn close(self) {
        self.steady.more(20).await;
        let failures = self.steady.failures();
        assert!(failures.is_empty(), "requests from outside failed: {failures:?}");
        let said = self.space.logs("client").await;
        assert!(said.lines().count() > 20 && said.lines().all(|line| line == "ok"), "requests from within failed: {said}");
        self.space.close().await;
    }
}

#[tokio::test]
async fn a_change_of_the_image_and_one_of_a_config_fail_no_request() {
    let asked = Asked::open("rolled").await;
    asked.space.patch("shop", shop("nginx:2", "one")).await;
    asked.space.ready("shop").await;
    let images =
        asked.space.pods("web").await.iter().map(|pod| pod.spec.clone().unwrap().containers[0].image.clone().unwrap()).collect::<Vec<_>>();
    assert_eq!(images, ["nginx:2"; 3]);
    asked.space.patch("shop", shop("nginx:2", "two")).await;
    asked.space.ready("shop").await;
    asked.space.sh("web", "grep two /usr/share/nginx/html/index.html").await;
    asked.close().await;
}

/// Names of the operator's pods that are to stay.
async fn operators(space: &Space) -> Vec<String> {
    let pods = Api::<Pod>::namespaced(space.client.clone(), OPERATOR_NAMESPACE);
    let pods = pods.list(&ListParams::default().labels("app.kubernetes.io/name=compose-operator")).await.unwrap();
    pods.items.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).map(ResourceExt::name_any).collect()
}

/// Waits until the operator is another one, and has taken up its work: it follows a change.
async fn replaced(asked: &Asked, old: &[String]) {
    until("the operator is replaced", async || {
        let now = operators(&asked.space).await;
        if now.is_empty() || now.iter().any(|name| old.contains(name)) { Err(format!("{now:?}")) } else { Ok(()) }
    })
    .await;
    let pods: Vec<_> = asked.space.pods("web").await.iter().map(ResourceExt::name_any).collect();
    asked.space.patch("shop", json!({"services": {"client": {"replicas": 2}}})).await;
    asked.space.until_pods("client", 2).await;
    asked.space.ready("shop").await;
    let writes: Vec<String> = asked
        .space
        .writes()
        .iter()
        .filter(|event| event.verb != "create" && event.subresource() != "status")
        .map(devcluster::AuditEvent::summary)
        .collect();
    assert!(writes.iter().all(|write| write.contains("client")), "the new operator writes what needn't be: {writes:?}");
    assert_eq!(asked.space.pods("web").await.iter().map(ResourceExt::name_any).collect::<Vec<_>>(), pods, "nothing is restarted");
}

#[tokio::test]
async fn a_restart_and_an_upgrade_of_the_operator_fail_no_request() {
    let asked = Asked::open("upgraded").await;
    let old = operators(&asked.space).await;
    let pods = Api::<Pod>::namespaced(asked.space.client.clone(), OPERATOR_NAMESPACE);
    for name in &old {
        pods.delete(name, &DeleteParams::default()).await.unwrap();
    }
    replaced(&asked, &old).await;

    // The chart's next release, as `helm upgrade` installs it.
    let old = operators(&asked.space).await;
    let operator = Api::<Deployment>::namespaced(asked.space.client.clone(), OPERATOR_NAMESPACE);
    let before = operator.get("compose-operator").await.unwrap().metadata.generation;
    let chart = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/compose-operator");
    let mut helm = installed().cluster.helm();
    helm.args(["upgrade", "compose-operator", "--namespace", OPERATOR_NAMESPACE, "--reuse-values", "--set", "podLabels.release=next"])
        .arg(chart);
    let output = crate::support::finish(helm).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_ne!(operator.get("compose-operator").await.unwrap().metadata.generation, before);
    asked.space.patch("shop", json!({"services": {"client": {"replicas": 1}}})).await;
    replaced(&asked, &old).await;
    asked.close().await;
}
