//! Every kind of name, asked for from inside of a pod.

use k8s_openapi::api::core::v1::{Pod, Service};
use kube::ResourceExt;
use serde_json::json;

use crate::support::{Connection, Space};

#[tokio::test]
async fn every_name_of_a_service_answers() {
    let space = Space::open("names").await;
    let file = r#"
services:
  client: {image: debian, command: sleep infinity, init: true, links: ["server:linked"], depends_on: [HTTP]}
  server:
    image: debian
    init: true
    command: [python3, -m, http.server, "8000"]
    expose: [8000]
    container_name: contained
    hostname: hosted
    networks: {default: {aliases: [aliased, second]}}
  HTTP: {image: debian, init: true, command: [python3, -m, http.server, "80"], expose: [80]}
"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    let names = ["server", "linked", "contained", "hosted", "aliased", "second", "SERVER", "Aliased"];
    let ask = names.map(|name| format!("nc -z -w 1 {name} 8000 && echo {name}")).join(" && ");
    let answered = space.sh_until("client", &ask).await;
    assert_eq!(answered.lines().collect::<Vec<_>>(), names);
    space.sh_until("client", "nc -z -w 1 HTTP 80 && nc -z -w 1 http 80").await;
    space.close().await;
}

#[tokio::test]
async fn names_that_dns_cannot_carry_answer_too() {
    let space = Space::open("underscore").await;
    let file = r#"
services:
  client: {image: debian, command: sleep infinity, init: true, links: ["my_server:linked_name"]}
  my_server:
    image: debian
    init: true
    command: [python3, -m, http.server, "8000"]
    expose: [8000]
    container_name: Dotted.Name
    networks: {default: {aliases: [under_score]}}
"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    for name in ["my_server", "my-server", "linked_name", "under_score", "Dotted.Name", "MY_SERVER"] {
        space.sh_until("client", &format!("nc -z -w 1 {name} 8000")).await;
    }
    space.sh("client", "getent ahosts client && getent ahosts localhost && grep \"$(hostname)\" /etc/hosts").await;
    assert_eq!(space.connect("my-server", "my_server", 8000).await, Connection::Open, "also from within");
    space.close().await;
}

#[tokio::test]
async fn a_name_of_one_network_or_one_link_is_nobody_elses() {
    let space = Space::open("scopes").await;
    let file = r#"
services:
  both: {image: nginx, networks: {one: {aliases: [first]}, two: {aliases: [second]}}}
  in-one: {image: debian, command: sleep infinity, init: true, networks: [one], links: ["both:mine"]}
  in-two: {image: debian, command: sleep infinity, init: true, networks: [two]}
networks: {one: , two: }
"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    let open = async |client: &str, names: [&str; 3]| {
        let mut found = Vec::new();
        for name in names {
            found.push(space.connect(client, name, 80).await);
        }
        found
    };
    let names = ["first", "second", "mine"];
    space.sh_until("in-one", "nc -z -w 1 both 80").await;
    space.sh_until("in-two", "nc -z -w 1 both 80").await;
    assert_eq!(open("in-one", names).await, [Connection::Open, Connection::NoSuchName, Connection::Open]);
    assert_eq!(open("in-two", names).await, [Connection::NoSuchName, Connection::Open, Connection::NoSuchName]);
    space.close().await;
}

#[tokio::test]
async fn the_address_behind_a_name_stays_when_its_pod_goes() {
    let space = Space::open("address").await;
    let file = r#"
services:
  client: {image: debian, command: sleep infinity, init: true}
  server: {image: debian, init: true, command: [python3, -m, http.server, "8000"], expose: [8000]}
"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    let before = space.sh("client", "getent hosts server").await;
    let pod = space.pod("server").await.name_any();
    space.delete::<Pod>(&pod).await;
    space.until::<Pod>(&pod, "gone", |pod| pod.is_none()).await;
    space.sh_until("client", "nc -z -w 1 server 8000").await;
    assert_eq!(space.sh("client", "getent hosts server").await, before);
    space.close().await;
}

#[tokio::test]
async fn a_service_without_known_ports_answers_on_all() {
    let space = Space::open("headless").await;
    let file = r#"
services:
  client: {image: debian, command: sleep infinity, init: true}
  server: {image: debian, init: true, command: [sh, -c, "python3 -m http.server 8000 & exec python3 -m http.server 9000"]}
"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    assert_eq!(space.api::<Service>().get("server").await.unwrap().spec.unwrap().cluster_ip.as_deref(), Some("None"));
    space.sh_until("client", "nc -z -w 1 server 8000 && nc -z -w 1 server 9000").await;
    space.close().await;
}

#[tokio::test]
async fn a_service_that_is_asked_for_on_a_port_listens_there_under_its_name() {
    let space = Space::open("found").await;
    let file = json!({"services": {
        "client": {"image": "debian", "command": "sleep infinity", "init": true, "environment": {"URL": "http://server:8123/"}},
        "server": {"image": "debian", "init": true, "command": ["python3", "-m", "http.server", "8123"]},
    }});
    space.create("shop", &file.to_string()).await;
    space.ready("shop").await;
    space.sh_until("client", "python3 -c \"import os, urllib.request as r; r.urlopen(os.environ['URL'])\"").await;
    space.close().await;
}
