//! The stacks that are about networks and names.

use k8s_openapi::api::core::v1::{Namespace, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::support::{Connection, Seed, condition};

#[tokio::test]
async fn front_back_proxy_reaches_app_but_never_db() {
    let mut seed = Seed::apply("front-back").await;
    seed.ready().await;
    seed.space.sh_until("app", "nc -z -w 1 db 5432").await;
    seed.space.sh_until("app", "nc -z -w 1 proxy 8000").await;
    seed.space.sh_until("proxy", "nc -z -w 1 app 8000").await;
    seed.answered();
    let space = &seed.space;
    assert_ne!(space.connect("proxy", "db", 5432).await, Connection::Open, "proxy must not open a connection to db");
    let address = space.pod("db").await.status.unwrap().pod_ip.unwrap();
    assert_eq!(space.connect("proxy", &address, 5432).await, Connection::Closed, "nor by its address");
    assert_eq!(space.connect("app", &address, 5432).await, Connection::Open);
    seed.close().await;
}

#[tokio::test]
async fn default_network_driver_web_reaches_db() {
    let mut seed = Seed::apply("default-network-driver").await;
    seed.space.sh_until("web", "nc -z -w 1 db 5432").await;
    seed.answers("web", 8000, "/test.txt", "Test file content").await;
    seed.ready().await;
    seed.close().await;
}

#[tokio::test]
async fn existing_network_is_used_and_its_absence_told() {
    let mut seed = Seed::apply("existing-network").await;
    seed.ready().await;
    seed.space.sh_until("web", "nc -z -w 1 db 5432").await;
    seed.answers("web", 8000, "/test.txt", "Test file content").await;
    assert!(!seed.space.names::<NetworkPolicy>().await.iter().any(|name| name.contains("--net-")), "the network is another's");
    seed.close().await;

    let seed = Seed::apply_without_labels("existing-network").await;
    let stack = seed.space.stalled(&seed.name, "ExternalResourceMissing").await;
    assert!(condition(&stack, "Stalled").unwrap().message.contains("my-pre-existing-network"));
    assert!(seed.space.pods("web").await.is_empty() && seed.space.pods("db").await.is_empty());
    let label = json!({"metadata": {"labels": {"compose-operator.dev/network.my-pre-existing-network": "true"}}});
    let namespaces = Api::<Namespace>::all(seed.space.client.clone());
    namespaces.patch(&seed.space.name, &PatchParams::default(), &Patch::Merge(label)).await.unwrap();
    seed.ready().await;
    seed.space.close().await;
}

#[tokio::test]
async fn aliases_resolve_on_their_own_network_only() {
    let mut seed = Seed::apply("aliases").await;
    seed.ready().await;
    seed.answered();
    let space = &seed.space;
    let address = space.api::<Service>().get("some-service").await.unwrap().spec.unwrap().cluster_ip.unwrap();
    // Without ports there is nothing to connect to; ping says which address it asks.
    let asked = async |client: &str, name: &str| space.try_sh(client, &format!("ping -c 1 -w 1 {name} 2>&1 || true")).await.unwrap();
    for (client, name) in [("on-some", "alias1"), ("on-some", "alias3"), ("on-other", "alias")] {
        let said = asked(client, name).await;
        assert!(said.contains(&format!("PING {name} ({address})")), "{name} in {client}: {said}");
    }
    for (client, name) in [("on-some", "alias"), ("on-other", "alias1"), ("on-other", "alias3")] {
        let said = asked(client, name).await;
        assert!(said.contains("bad address"), "{name} in {client}: {said}");
    }
    seed.close().await;
}
