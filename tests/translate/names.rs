//! Names by which services are reached, and the ports that answer there.

use compose_operator::translate::{Key, Kind, Object};

use crate::support::Stack;

/// Ports of a Service; `None`: headless.
#[track_caller]
fn ports(stack: &Stack, name: &str) -> Option<Vec<i32>> {
    let desired = stack.desired();
    let Some(Object::Service(service)) = desired.objects.get(&Key::new(Kind::Service, name)) else { panic!("no Service {name}") };
    let spec = service.spec.clone().unwrap();
    let ports: Vec<i32> = spec.ports.iter().flatten().map(|port| port.port).collect();
    if spec.cluster_ip.as_deref() == Some("None") {
        assert!(ports.is_empty(), "a headless Service lists ports");
        assert_eq!(spec.publish_not_ready_addresses, Some(true));
        return None;
    }
    Some(ports)
}

#[track_caller]
fn check(service: &str, expected: Option<&[i32]>) {
    let stack = Stack::of(&format!("services:\n  web:\n{service}"));
    assert_eq!(ports(&stack, "web").as_deref(), expected, "{service}");
}

#[test]
fn a_service_answers_on_every_port_that_is_known_of_it() {
    check("    image: nobody/knows\n", None);
    check("    image: nobody/knows\n    ports: ['8080:80']\n", Some(&[80]));
    check("    image: nobody/knows\n    ports: ['127.0.0.1:8080:80']\n", Some(&[80]));
    check("    image: nobody/knows\n    expose: ['3000-3002', 53/udp]\n", Some(&[53, 3000, 3001, 3002]));
    check("    image: redis:7\n", Some(&[6379]));
    check("    image: rabbitmq\n    ports: ['15672:15672']\n", Some(&[4369, 5671, 5672, 15671, 15672, 15691, 15692, 25672]));
    check("    image: nginx\n    deploy: {endpoint_mode: dnsrr}\n", None);
    check("    image: nobody/knows\n    expose: ['1000-1255']\n", Some(&(1000..1256).collect::<Vec<_>>()));
    check("    image: nobody/knows\n    expose: ['1-65535']\n", None);
}

#[test]
fn ports_that_peers_dial_are_found_in_the_stacks_text() {
    let peer = |text: &str| Stack::of(&format!("services:\n  backend: {{image: b}}\n  web:\n    image: w\n{text}configs: {{}}\n"));
    for text in [
        "    environment: {URL: 'http://backend:8000/x'}\n",
        "    environment: {ADDRESS: 'backend:8000'}\n",
        "    environment: ['HOSTS=a:1,BACKEND:8000']\n",
        "    command: wait-for backend:8000 -- run\n",
        "    command: [run, --upstream=backend:8000]\n",
        "    healthcheck: {test: 'curl -f http://backend:8000'}\n",
    ] {
        assert_eq!(ports(&peer(text), "backend"), Some(vec![8000]), "{text}");
    }
    for text in [
        "    environment: {WORKER_IMAGE: 'backend:8000'}\n",
        "    labels: {url: 'http://backend:8000'}\n",
        "    command: run backend 8000\n",
    ] {
        assert_eq!(ports(&peer(text), "backend"), None, "{text}");
    }
    let packed = peer("    volumes: ['./nginx.conf:/etc/nginx.conf:ro']\n").with_file("nginx.conf", "proxy_pass http://backend:8000;\n");
    assert_eq!(ports(&packed, "backend"), Some(vec![8000]));
    let compose = peer("    volumes: ['.:/app:ro']\n").with_file("compose.yaml", "image: http://backend:8000\n");
    assert_eq!(ports(&compose, "backend"), None);
}

#[test]
fn a_port_beside_an_alias_is_one_of_the_service() {
    let stack = Stack::of(
        "services:\n  db: {image: d, container_name: postgres}\n  web: {image: w, links: ['db:data'], environment: ['A=postgres:1111', 'B=data:2222']}\n",
    );
    assert_eq!(ports(&stack, "db"), Some(vec![1111, 2222]));
    assert_eq!(ports(&stack, "postgres"), Some(vec![1111, 2222]));
}

/// The Services of a stack with the services that they lead to.
fn services(stack: &Stack) -> Vec<(String, String)> {
    let desired = stack.desired();
    let services = desired.objects.values().filter_map(|object| if let Object::Service(service) = object { Some(service) } else { None });
    services
        .map(|service| {
            let mut selector = service.spec.clone().unwrap().selector.unwrap();
            selector.remove("compose-operator.dev/stack");
            let target = selector.remove("compose-operator.dev/service").unwrap_or_else(|| selector.keys().next().unwrap().clone());
            (service.metadata.name.clone().unwrap(), target)
        })
        .collect()
}

#[track_caller]
fn check_names(text: &str, expected: &[(&str, &str)], codes: &[&str]) {
    let stack = Stack::of(text);
    let found = services(&stack);
    assert_eq!(found.iter().map(|(name, target)| (name.as_str(), target.as_str())).collect::<Vec<_>>(), expected, "{text}");
    assert_eq!(stack.codes(), codes, "{text}");
}

#[test]
fn names_that_every_service_may_use_become_services() {
    check_names("services: {db: {image: x, container_name: data}, web: {image: y}}", &[("data", "db"), ("db", "db"), ("web", "web")], &[]);
    check_names("services: {db: {image: x, container_name: db}, web: {image: y}}", &[("db", "db"), ("web", "web")], &[]);
    check_names("services: {HAProxy: {image: x, container_name: HAProxy}}", &[("haproxy", "haproxy")], &[]);
    check_names(
        "services: {db: {image: x, networks: {n: {aliases: [sql]}}}, web: {image: y, networks: [n]}}\nnetworks: {n: }",
        &[("db", "db"), ("sql", "db"), ("web", "web")],
        &[],
    );
    // Nobody outside the network could reach it: a name that resolves there does no harm.
    check_names(
        "services: {db: {image: x, networks: {n: {aliases: [sql]}}}, web: {image: y}}\nnetworks: {n: }",
        &[("db", "db"), ("sql", "db"), ("web", "web")],
        &[],
    );
}

#[test]
fn an_alias_of_several_services_leads_to_all_of_them() {
    check_names(
        "services: {a: {image: x, networks: {n: {aliases: [pool]}}}, b: {image: x, networks: {n: {aliases: [pool]}}}}\nnetworks: {n: }",
        &[("a", "a"), ("b", "b"), ("pool", "compose-operator.dev/alias.pool")],
        &[],
    );
}

#[test]
fn names_for_some_and_names_that_dns_cannot_carry_become_no_services() {
    check_names(
        "services: {db: {image: memcached, networks: {n: {aliases: [sql]}, default: }}, web: {image: y, networks: [n]}, other: {image: z}}\nnetworks: {n: }",
        &[("db", "db"), ("other", "other"), ("web", "web")],
        &[],
    );
    check_names(
        "services: {db: {image: memcached}, web: {image: y, links: ['db:sql']}, other: {image: z}}",
        &[("db", "db"), ("other", "other"), ("web", "web")],
        &[],
    );
    check_names(
        "services: {db: {image: memcached}, web: {image: y, links: ['db:sql']}, other: {image: z, links: ['db:sql']}}",
        &[("db", "db"), ("other", "other"), ("sql", "db"), ("web", "web")],
        &[],
    );
    check_names("services: {my_db: {image: memcached, container_name: the_db}}", &[("my-db", "my-db")], &[]);
}

#[test]
fn two_services_that_become_one_name_are_refused_by_both() {
    let stack = Stack::of("services: {my_db: {image: x}, my-db: {image: y}}");
    let (desired, text) = crate::support::problems(&stack);
    assert!(desired.is_none());
    assert!(text.contains("Error services.my-db (compose.yaml:1:31): name-collision: becomes \"my-db\" like services.my_db"), "{text}");
}

#[test]
fn two_volumes_that_become_one_claim_are_refused_by_both() {
    let stack = Stack::of("services: {}\nvolumes: {a_b: , a-b: }");
    let (desired, text) = crate::support::problems(&stack);
    assert!(desired.is_none());
    assert!(
        text.contains("volumes.a-b (compose.yaml:2:18): name-collision: becomes PersistentVolumeClaim \"app-a-b\" like volumes.a_b"),
        "{text}"
    );
}

#[test]
fn a_service_that_asks_itself_by_name_for_its_health_is_published_before_it_is_ready() {
    let text = |host: &str| format!("services:\n  es: {{image: elasticsearch, healthcheck: {{test: 'curl http://{host}:9200'}}}}\n");
    let publishes = |host: &str| {
        let desired = Stack::of(&text(host)).desired();
        let Object::Service(service) = &desired.objects[&Key::new(Kind::Service, "es")] else { panic!("no Service") };
        service.spec.as_ref().unwrap().publish_not_ready_addresses
    };
    assert_eq!(publishes("es"), Some(true));
    assert_eq!(publishes("localhost"), None);
}

/// `port:nodePort->target/protocol` of the Service of published ports.
fn published(ports: &str, publish: compose_operator::api::PublishMode) -> Vec<String> {
    let mut stack = Stack::of(&format!("services: {{web: {{image: x, ports: [{ports}]}}}}"));
    stack.settings.publish = publish;
    let desired = stack.desired();
    let Some(Object::Service(service)) = desired.objects.get(&Key::new(Kind::Service, "web--published")) else { return Vec::new() };
    let spec = service.spec.clone().unwrap();
    let lines = spec.ports.unwrap().into_iter().map(|port| {
        let target = serde_json::to_value(port.target_port.unwrap()).unwrap();
        format!("{}:{}->{target}/{}", port.port, port.node_port.unwrap_or(0), port.protocol.unwrap())
    });
    lines.collect()
}

#[test]
fn published_ports_get_a_service_of_their_own() {
    use compose_operator::api::PublishMode::{ClusterIp, NodePort};
    assert_eq!(published("'8080:80'", NodePort), ["8080:0->80/TCP"]);
    assert_eq!(published("'30080:80'", NodePort), ["30080:30080->80/TCP"]);
    assert_eq!(published("'30080:80'", ClusterIp), ["30080:0->80/TCP"]);
    assert_eq!(published("'5000'", NodePort), ["5000:0->5000/TCP"]);
    assert_eq!(published("'53:53/udp', '53:53/tcp'", NodePort), ["53:0->53/UDP", "53:0->53/TCP"]);
    assert_eq!(published("'8000-8001:80-81'", NodePort), ["8000:0->80/TCP", "8001:0->81/TCP"]);
    assert_eq!(published("'127.0.0.1:8080:80', '[::1]:81:81'", NodePort), [] as [String; 0]);
    assert_eq!(published("'0.0.0.0:8080:80'", NodePort), ["8080:0->80/TCP"]);
}

#[test]
fn a_published_range_gives_its_first_free_port() {
    let ports = |ports: &str| published(ports, compose_operator::api::PublishMode::LoadBalancer);
    assert_eq!(ports("'8000-9000:80', '8000:8000', '8001:8001/udp'"), ["8001:0->80/TCP", "8000:0->8000/TCP", "8001:0->8001/UDP"]);
    assert_eq!(ports("'8080:80', '8080'"), ["8080:0->80/TCP", "8081:0->8080/TCP"]);
}

#[test]
fn ports_that_would_be_open_wider_than_asked_are_refused() {
    for (ports, code) in [
        ("'192.168.1.5:8080:80'", "host-ip services.web.ports[0].host_ip"),
        ("{target: 80, published: 80, mode: host}", "host-port services.web.ports[0].mode"),
        ("'8080:80', '8080:81'", "port services.web.ports[1]"),
    ] {
        let stack = Stack::of(&format!("services: {{web: {{image: x, ports: [{ports}]}}}}"));
        assert!(stack.codes().iter().any(|found| found == code), "{ports}: {:?}", stack.codes());
        assert!(stack.translate().0.is_none());
    }
}

#[test]
fn names_of_containers_resolve_where_the_text_mentions_them() {
    let text = "services: {db: {image: postgres}, web: {image: x, environment: {URL: 'http://app-db-1:5000', OLD: app_db_1}}}";
    let stack = Stack::of(text);
    let desired = stack.desired();
    let names: Vec<String> = desired.objects.keys().filter(|key| key.kind == Kind::Service).map(|key| key.name.clone()).collect();
    assert_eq!(names, ["app-db-1", "db", "web"]);
    let rendered = crate::support::render(&stack);
    assert!(rendered.contains("--name=app_db_1=db"), "{rendered}");
    let other = Stack::of("services: {db: {image: postgres}, web: {image: x, environment: {URL: 'http://other-db-1'}}}").desired();
    assert_eq!(other.objects.keys().filter(|key| key.kind == Kind::Service).count(), 2);
}

#[test]
fn external_links_are_names_for_services_outside() {
    let external = |stack: &Stack| -> Vec<String> {
        let services = stack.desired().objects.into_values().filter_map(|object| match object {
            Object::Service(service) => Some((service.metadata.name?, service.spec?.external_name?)),
            _ => None,
        });
        services.map(|(name, host)| format!("{name} -> {host}")).collect()
    };
    let of = |link: &str| Stack::of(&format!("services: {{web: {{image: x, external_links: ['{link}']}}}}"));
    assert_eq!(external(&of("redis:cache")), ["cache -> redis.default.svc.cluster.local"]);
    assert!(external(&of("redis")).is_empty(), "it resolves by that name already");
    assert!(of("redis.data:cache").codes().contains(&"external-link services.web.external_links[0]".to_owned()));
    let mut allowed = of("redis.data:cache");
    allowed.settings.policy.external_links.insert("data".to_owned());
    allowed.settings.cluster_domain = Some("corp".to_owned());
    assert_eq!(external(&allowed), ["cache -> redis.data.svc.corp"]);
    for wrong in ["project_redis_1:redis", "redis:my_cache", "redis.a.b:c", "redis:web"] {
        assert!(of(wrong).translate().0.is_none(), "{wrong}");
    }
    let base = Stack::of("services: {web: {image: x}}").desired().services[0].inputs.clone();
    assert_eq!(of("redis:cache").desired().services[0].inputs, base, "no pod is replaced for it");
}

#[test]
fn an_empty_alias_is_refused() {
    let stack = Stack::of("services: {web: {image: x, networks: {n: {aliases: ['']}}}}\nnetworks: {n: }");
    assert!(stack.codes().contains(&"alias services.web.networks.n.aliases[0]".to_owned()), "{:?}", stack.codes());
}

#[test]
fn named_ports_keep_their_names_where_those_are_legal() {
    let text = "services: {web: {image: x, ports: [{target: 80, published: '8080', name: http}, {target: 90, published: '9090', name: My Admin Port of all}]}}";
    let desired = Stack::of(text).desired();
    let Object::Service(service) = &desired.objects[&Key::new(Kind::Service, "web--published")] else { panic!("no Service") };
    let names: Vec<_> = service.spec.clone().unwrap().ports.unwrap().into_iter().filter_map(|port| port.name).collect();
    assert_eq!(names, ["http", "my-admin-port-of-all"]);
    let annotations = service.metadata.annotations.clone().unwrap();
    assert_eq!(annotations["compose-operator.dev/port-names"], r#"{"9090/tcp":"My Admin Port of all"}"#);
    let Object::Deployment(web) = &desired.objects[&desired.services[0].workload] else { panic!("no Deployment") };
    let ports = web.spec.clone().unwrap().template.spec.unwrap().containers[0].ports.clone().unwrap();
    let names: Vec<_> = ports.iter().map(|port| port.name.as_deref().unwrap_or_default()).collect();
    assert_eq!(names[0], "http");
    assert!(names[1].len() <= 15);
}
