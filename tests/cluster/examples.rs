//! Each stack of `examples/`, with what its author wants to be observed.

use compose_operator::api::ComposeStack;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::support::{Example, Reach, audited, condition};

/// The value of a variable in a container.
fn variable<'a>(container: &'a Value, name: &str) -> Option<&'a str> {
    let mut variables = container["env"].as_array().into_iter().flatten();
    variables.find(|variable| variable["name"] == name)?["value"].as_str()
}

#[tokio::test]
async fn foodtrucks_finds_its_search_engine_by_name_and_publishes_all_three_ports() {
    let stack = Example::ready("foodtrucks").await;
    assert!(stack.resolve(&["es", "web"]).await);
    assert!(stack.ports("es").await.contains(&(9200, 9200)));
    assert_eq!(stack.ports("es--published").await, [(9200, 9200), (9300, 9300)]);
    assert_eq!(stack.ports("web--published").await, [(5000, 5000)]);
    let es = stack.container("es").await;
    assert_eq!(variable(&es, "discovery.type"), Some("single-node"));
    assert_eq!(variable(&es, "ES_JAVA_OPTS"), Some("-Xms512m -Xmx512m"));
    stack.space.close().await;
}

#[tokio::test]
async fn redis_haproxy_mounts_the_hosts_files_and_keeps_its_shells_open() {
    let stack = Example::ready("redis-haproxy").await;
    assert!(stack.resolve(&["redis-master", "redis-slave1", "redis-slave2", "ubuntu1", "app1", "app2", "haproxy"]).await);
    assert_eq!(stack.ports("haproxy--published").await, [(6301, 6301)]);
    let shell = stack.container("app1").await;
    assert_eq!((&shell["tty"], &shell["stdin"]), (&json!(true), &json!(true)));
    let master = stack.container("redis-master").await;
    let targets: Vec<_> = master["volumeMounts"].as_array().unwrap().iter().map(|mount| mount["mountPath"].as_str().unwrap()).collect();
    assert_eq!(targets, ["/data", "/data/redis.conf"], "what the image declares as a volume, and the file inside it");
    let contents = stack.space.list::<ConfigMap>().await;
    let holds = |text: &str| contents.iter().any(|map| map.data.iter().flatten().any(|(_, content)| content == text));
    assert!(holds("daemonize no\n") && holds("daemonize no\nslaveof master 6379\n"));
    stack.space.close().await;
}

#[tokio::test]
async fn myfirstapp_is_published_on_another_port_than_its_own() {
    let stack = Example::ready("myfirstapp").await;
    assert_eq!(stack.ports("myfirstapp").await, [(5000, 5000)]);
    assert_eq!(stack.ports("myfirstapp--published").await, [(8888, 5000)]);
    stack.space.close().await;
}

#[tokio::test]
async fn wordpress_runs_under_legal_names_and_finds_the_one_that_is_none_in_its_hosts_file() {
    let stack = Example::ready("wordpress").await;
    assert_eq!(stack.space.names::<Deployment>().await, ["mysql-container", "wordpress-container"]);
    assert_eq!(stack.ports("wordpress-container--published").await, [(8080, 80)]);
    assert_eq!(stack.ports("mysql-container--published").await, [(3306, 3306)]);
    assert!(stack.space.names::<NetworkPolicy>().await.contains(&"wordpress--net-if-wordpress".to_owned()));
    assert_eq!(variable(&stack.container("wordpress-container").await, "WORDPRESS_DB_HOST"), Some("mysql_container"));
    let pods = stack.space.list::<Pod>().await;
    let writes = |name: &str| {
        let init = pods.iter().flat_map(|pod| pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten()));
        init.filter(|container| container.name == "wordpress-container--hosts").any(|c| c.args.iter().flatten().any(|arg| arg == name))
    };
    assert!(writes("--name=mysql_container=mysql-container"));
    stack.space.close().await;
}

#[tokio::test]
async fn pack_resolves_its_aliases_and_names_the_images_that_must_be_built() {
    let stack = Example::ready("pack").await;
    assert!(stack.resolve(&["mysql", "mysql-server", "redis", "redis-server", "flask", "nginx"]).await);
    assert_eq!(stack.ports("redis-server").await, stack.ports("redis").await);
    assert_eq!(stack.ports("flask--published").await, [(8000, 8080)]);
    for service in ["mysql", "flask", "nginx"] {
        assert_eq!(stack.container(service).await["image"], format!("pack-{service}"));
        assert!(stack.warned().await.iter().any(|path| path.starts_with(&format!("services.{service}"))), "{service}");
    }
    assert!(stack.space.names::<NetworkPolicy>().await.contains(&"pack--net-zxq".to_owned()));
    stack.space.close().await;
}

#[tokio::test]
async fn web_db_creates_web_after_db_and_fences_nothing_off() {
    let stack = Example::ready("web-db").await;
    assert!(!audited() || stack.created() == ["db", "web"]);
    assert!(stack.resolve(&["db", "web"]).await);
    assert_eq!(stack.ports("web--published").await, [(9090, 80)]);
    assert!(stack.space.names::<NetworkPolicy>().await.is_empty());
    stack.space.close().await;
}

#[tokio::test]
async fn front_back_lets_only_app_reach_both_sides() {
    let stack = Example::ready("front-back").await;
    let reach = Reach::of(&stack.space).await;
    assert_eq!(reach.pairs(), [("app", "db"), ("app", "proxy"), ("db", "app"), ("proxy", "app")]);
    assert!(stack.warned().await.iter().any(|path| path == "networks.front.driver"));
    stack.space.close().await;
}

#[tokio::test]
async fn default_network_driver_has_no_effect_and_is_warned_about() {
    let stack = Example::ready("default-network-driver").await;
    assert!(stack.resolve(&["web", "db"]).await);
    assert!(stack.warned().await.iter().any(|path| path == "networks.default.driver"));
    stack.space.close().await;
}

#[tokio::test]
async fn existing_network_waits_until_the_namespace_offers_it() {
    let stack = Example::apply_without_labels("existing-network").await;
    let stalled = stack.space.stalled(&stack.name, "ExternalResourceMissing").await;
    assert!(condition(&stalled, "Stalled").unwrap().message.contains("my-pre-existing-network"));
    assert!(stack.space.names::<Deployment>().await.is_empty());
    let label = json!({"metadata": {"labels": {"compose-operator.dev/network.my-pre-existing-network": "true"}}});
    let namespaces = Api::<Namespace>::all(stack.space.client.clone());
    namespaces.patch(&stack.space.name, &PatchParams::default(), &Patch::Merge(label)).await.unwrap();
    stack.space.ready(&stack.name).await;
    assert!(stack.space.names::<NetworkPolicy>().await.is_empty(), "the network is another's");
    stack.space.close().await;
}

#[tokio::test]
async fn a_networks_block_alone_is_an_empty_stack_with_a_warning() {
    let stack = Example::ready("existing-network-printed").await;
    assert!(stack.space.names::<Deployment>().await.is_empty() && stack.space.names::<Service>().await.is_empty());
    assert!(!stack.warned().await.is_empty());
    stack.space.close().await;
}

#[tokio::test]
async fn aliases_keep_the_members_of_two_networks_apart() {
    let stack = Example::ready("aliases").await;
    let reach = Reach::of(&stack.space).await;
    assert!(reach.reaches("on-some", "some-service") && reach.reaches("on-other", "some-service"));
    assert!(!reach.reaches("on-some", "on-other") && !reach.reaches("on-other", "on-some"));
    stack.space.close().await;
}

#[tokio::test]
async fn run_after_db_init_starts_in_order_with_its_script_executable() {
    let stack = Example::ready("run-after-db-init").await;
    if audited() {
        let created = stack.created();
        let place = |name: &str| created.iter().position(|other| other == name).unwrap();
        assert!(place("db") < place("web") && place("redis") < place("web") && place("web") < place("nginx"), "{created:?}");
    }
    let volumes = stack.deployment("web").await["spec"]["template"]["spec"]["volumes"].clone();
    let items = volumes.as_array().unwrap().iter().flat_map(|volume| volume["configMap"]["items"].as_array().cloned().unwrap_or_default());
    let script = items.into_iter().find(|item| item["path"] == "run-after-db-init.sh").unwrap();
    assert_eq!(script["mode"], 0o555);
    stack.space.close().await;
}

#[tokio::test]
async fn flask_single_mounts_the_code_of_its_host_directory() {
    let stack = Example::ready("flask-single").await;
    assert_eq!(stack.ports("test--published").await, [(8080, 80)]);
    assert_eq!(stack.container("test").await["workingDir"], "/app");
    let contents = stack.space.list::<ConfigMap>().await;
    assert!(contents.iter().any(|map| map.data.iter().flatten().any(|(_, text)| text.contains("Hello World from Flask!"))));
    stack.space.close().await;
}

#[tokio::test]
async fn flask_redis_resolves_services_and_container_names_alike() {
    let stack = Example::ready("flask-redis").await;
    assert!(stack.resolve(&["flask", "redis", "myflask", "myredis"]).await);
    assert!(stack.ports("redis").await.contains(&(6379, 6379)));
    assert_eq!(stack.container("flask").await["args"], json!(["python", "main.py"]));
    stack.space.close().await;
}

#[tokio::test]
async fn simple_server_scales_exactly_heals_and_leaves_nothing() {
    let stack = Example::ready("simple-server").await;
    stack.space.patch(&stack.name, json!({"services": {"simple-server": {"replicas": 3}}})).await;
    stack.space.ready(&stack.name).await;
    let pods = stack.space.until_pods("simple-server", 3).await;
    stack.space.delete::<Pod>(&pods[0].name_any()).await;
    stack.space.until_pods("simple-server", 3).await;
    stack.space.delete::<ComposeStack>(&stack.name).await;
    stack.space.until::<Deployment>("simple-server", "gone", |found| found.is_none()).await;
    stack.space.until::<Service>("simple-server", "gone", |found| found.is_none()).await;
    stack.space.close().await;
}

#[tokio::test]
async fn words_runs_seven_pods_in_order_at_addresses_that_stay_and_keeps_its_volume() {
    let stack = Example::ready("words").await;
    let expected = [("application-server", 3), ("local-database", 1), ("web-server", 3)].map(|(name, count)| (name.to_owned(), count));
    assert_eq!(stack.replicas().await, expected.into());
    assert!(!audited() || stack.created() == ["local-database", "application-server", "web-server"]);
    let address = async |service: &str| stack.space.api::<Service>().get(service).await.unwrap().spec.unwrap().cluster_ip.unwrap();
    assert_ne!(address("local-database").await, "None");
    assert_ne!(address("application-server").await, "None");
    assert_eq!(stack.ports("web-server--published").await, [(8080, 8080)]);
    stack.space.delete::<ComposeStack>(&stack.name).await;
    stack.space.until::<Deployment>("local-database", "gone", |found| found.is_none()).await;
    assert_eq!(stack.space.names::<PersistentVolumeClaim>().await, ["swarm-test-database-volume"]);
    stack.space.close().await;
}

#[tokio::test]
async fn reconcile_follows_its_files_to_the_exact_counts() {
    let stack = Example::ready("reconcile").await;
    let counts = |one: i32, two: i32| [("service-1".to_owned(), one), ("service-2".to_owned(), two)].into();
    assert_eq!(stack.replicas().await, counts(3, 2));
    stack.space.patch(&stack.name, json!({"composeFiles": ["compose.yaml", "step-2.yaml"]})).await;
    stack.space.ready(&stack.name).await;
    assert_eq!(stack.replicas().await, counts(1, 4));
    stack.space.until_pods("service-1", 1).await;
    stack.space.until_pods("service-2", 4).await;
    stack.space.patch(&stack.name, json!({"composeFiles": ["compose.yaml", "step-2.yaml", "step-3.yaml"]})).await;
    stack.space.ready(&stack.name).await;
    assert_eq!(stack.replicas().await, counts(2, 0));
    stack.space.until_pods("service-1", 2).await;
    stack.space.until_pods("service-2", 0).await;
    stack.space.close().await;
}

/// Applies a file that is to be refused; gives the message.
async fn refused(file: &str) -> String {
    let example = Example::apply(&format!("refused/{file}")).await;
    let stack = example.space.stalled(&example.name, "InvalidSpec").await;
    assert!(example.space.names::<Deployment>().await.is_empty() && example.space.names::<Service>().await.is_empty());
    let message = condition(&stack, "Stalled").unwrap().message.clone();
    example.space.close().await;
    message
}

#[tokio::test]
async fn a_misspelled_key_is_refused_with_its_place_and_what_was_meant() {
    let message = refused("web-db-printed").await;
    assert!(message.contains("4:3") && message.contains("services.web.mage") && message.contains("image"), "{message}");
}

#[tokio::test]
async fn a_service_without_image_on_undeclared_networks_is_refused_for_all_of_it_at_once() {
    let message = refused("aliases-printed").await;
    assert!(message.contains("services.some-service") && message.contains("image"), "{message}");
    assert!(message.contains("some-network") && message.contains("other-network"), "{message}");
}

#[tokio::test]
async fn a_key_that_stands_twice_is_refused_with_both_lines() {
    let message = refused("words-printed").await;
    assert!(message.contains("image") && message.contains("14") && message.contains('4'), "{message}");
}
