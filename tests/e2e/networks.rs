//! Who reaches whom, through policies that are enforced.

use crate::support::{Space, answer, curl};

#[tokio::test]
async fn a_published_port_answers_outside_and_one_of_the_loopback_does_not() {
    let space = Space::open("published").await;
    let file = r#"
services:
  web:
    image: nginx
    ports: ["8080:80", "127.0.0.1:8081:80"]
    networks: [front]
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
    let refused = curl(&[&format!("http://{}:30999", space.node_address().await)]).await;
    assert!(refused.is_err(), "a port of 127.0.0.1 answers outside");
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
    assert!(space.try_sh("front", "nc -z -w 2 back 80").await.is_err());
    assert!(space.try_sh("back", "nc -z -w 2 front 80").await.is_err());
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
    let server = "nc -z -w 2 kubernetes.default 443";
    space.sh_until("inside", "getent hosts kubernetes.default && nc -z -w 1 peer 80").await;
    space.sh_until("outside", server).await;
    assert!(space.try_sh("inside", server).await.is_err(), "no way out");
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
    assert!(space.try_sh("other", &format!("nc -z -w 2 {address} 8000")).await.is_err());
    assert!(space.try_sh("alone", "nc -z -w 2 other 8000").await.is_err());
    space.sh("alone", "nc -z -w 1 127.0.0.1 8000").await;
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
        command.args(["-c", &format!("exec 3<>/dev/udp/{address}; echo hello >&3; timeout 1 head -n 1 <&3")]);
        let said = String::from_utf8_lossy(&crate::support::finish(command).await.stdout).into_owned();
        if said == "hello\n" { Ok(()) } else { Err(said) }
    })
    .await;
    space.close().await;
}
