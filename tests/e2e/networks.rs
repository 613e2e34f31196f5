//! Who reaches whom, through policies that are enforced.

use k8s_openapi::api::core::v1::Service;

use crate::support::{Connection, Space, answer, curl};

#[tokio::test]
async fn a_published_port_answers_outside_and_one_of_the_loopback_does_not() {
    let space = Space::open("published").await;
    let file = r#"
services:
  web:
    image: nginx
    ports: ["8080:80", "127.0.0.1:8081:80"]
    networks: [front]
  fixed: {image: nginx, ports: ["30998:80"], networks: [front]}
  local:
    image: nginx
    ports: ["127.0.0.1:30999:80"]
    networks: [front]
networks: {front: }
"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    let address = space.published("shop", "web", 80).await;
    answer(&[&format!("http://{address}")], "with its page", |page| page.contains("nginx")).await;
    // A port that a node may have is the node's.
    answer(&[&format!("http://{}:30998", space.node_address().await)], "with its page", |page| page.contains("nginx")).await;
    for (service, port) in [("web", 8081), ("local", 30999)] {
        let refused = curl(&["--max-time", "5", &format!("http://{}:{port}", space.node_address().await)]).await;
        assert!(refused.is_err(), "{service}: a port of 127.0.0.1 answers outside");
    }
    let services = space.list::<Service>().await;
    let ports = services.iter().flat_map(|service| service.spec.iter().flat_map(|spec| spec.ports.iter().flatten()));
    let mut leading_out = ports.filter_map(|port| port.node_port.map(|_| port.port)).collect::<Vec<_>>();
    leading_out.sort_unstable();
    assert_eq!(leading_out, [8080, 30998], "no port of the node leads to one of 127.0.0.1");
    // Within its network it answers.
    space.sh_until("web", "nc -z -w 1 local 80").await;
    space.close().await;
}

#[tokio::test]
async fn services_without_a_common_network_do_not_reach_each_other_but_by_published_ports() {
    let space = Space::open("apart").await;
    let file = r#"
services:
  front: {image: debian, command: sleep infinity, init: true, networks: [one]}
  both: {image: nginx, networks: [one, two]}
  back: {image: nginx, networks: [two], expose: [80]}
  shown: {image: nginx, networks: [two], ports: ["80"]}
networks: {one: , two: }
"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    space.sh_until("front", "nc -z -w 1 both 80").await;
    space.sh_until("both", "nc -z -w 1 back 80").await;
    space.sh_until("front", "nc -z -w 1 shown 80").await;
    assert_ne!(space.connect("front", "back", 80).await, Connection::Open);
    let address = space.pod("back").await.status.unwrap().pod_ip.unwrap();
    assert_eq!(space.connect("front", &address, 80).await, Connection::Closed, "nor by its address");
    assert_eq!(space.connect("both", &address, 80).await, Connection::Open);
    space.close().await;
}

#[tokio::test]
async fn an_internal_network_has_names_and_members_but_no_way_out() {
    let space = Space::open("internal").await;
    let file = r#"
services:
  inside: {image: debian, command: sleep infinity, init: true, networks: [closed]}
  peer: {image: nginx, networks: [closed]}
  outside: {image: debian, command: sleep infinity, init: true, networks: [open]}
networks: {closed: {internal: true}, open: }
"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    space.sh_until("inside", "nc -z -w 1 peer 80").await;
    space.sh_until("outside", "nc -z -w 2 kubernetes.default 443").await;
    assert_eq!(space.connect("inside", "kubernetes.default", 443).await, Connection::Closed, "the name resolves, but there is no way out");
    let node = space.node_address().await;
    assert_eq!(space.connect("outside", &node, 10250).await, Connection::Open, "the kubelet");
    assert_eq!(space.connect("inside", &node, 10250).await, Connection::Closed, "nor to the node");
    let address = space.pod("outside").await.status.unwrap().pod_ip.unwrap();
    space.sh("outside", "nohup python3 -m http.server 8000 >/dev/null 2>&1 &").await;
    space.sh_until("outside", "nc -z -w 1 127.0.0.1 8000").await;
    assert_eq!(space.connect("inside", &address, 8000).await, Connection::Closed, "nor to another pod");
    assert_eq!(space.connect("peer", "inside", 80).await, Connection::Closed, "which nobody listens on; but the name is there");
    space.close().await;
}

#[tokio::test]
async fn a_service_without_network_reaches_nobody_and_is_not_reached() {
    let space = Space::open("none").await;
    let file = r#"
services:
  alone: {image: debian, command: [python3, -m, http.server, "8000"], init: true, network_mode: none}
  other: {image: debian, command: [python3, -m, http.server, "8000"], init: true, expose: [8000]}
"#;
    space.create("shop", file).await;
    space.ready("shop").await;
    space.sh_until("other", "nc -z -w 1 other 8000").await;
    let address = space.pod("alone").await.status.unwrap().pod_ip.unwrap();
    assert_eq!(space.connect("other", &address, 8000).await, Connection::Closed);
    let other = space.pod("other").await.status.unwrap().pod_ip.unwrap();
    assert_eq!(space.connect("alone", &other, 8000).await, Connection::Closed);
    space.sh_until("alone", "nc -z -w 1 127.0.0.1 8000").await;
    space.close().await;
}

#[tokio::test]
async fn udp_is_published_as_well() {
    let space = Space::open("udp").await;
    let echo =
        "import socket as s; u = s.socket(s.AF_INET, s.SOCK_DGRAM); u.bind(('', 5300))\nwhile True: d, a = u.recvfrom(99); u.sendto(d, a)";
    let web = serde_json::json!({"image": "debian", "init": true, "command": ["python3", "-c", echo], "ports": ["5300/udp"]});
    space.create("shop", &serde_json::json!({"services": {"web": web}}).to_string()).await;
    space.ready("shop").await;
    let address = space.published("shop", "web", 5300).await.replace(':', "/");
    crate::support::until("it echoes", async || {
        let mut command = crate::support::outside("bash");
        command.args(["-c", &format!("exec 3<>/dev/udp/{address}; echo hello >&3; timeout 5 head -n 1 <&3")]);
        let said = String::from_utf8_lossy(&crate::support::finish(command).await.stdout).into_owned();
        if said == "hello\n" { Ok(()) } else { Err(said) }
    })
    .await;
    space.close().await;
}
