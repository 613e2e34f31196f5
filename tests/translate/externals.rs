//! What exists already (external networks, volumes, configs) beside services that share pods, have no network, or go by names of hosts files.

use compose_operator::translate::{Key, Kind};
use serde_json::{Value, json};

use crate::support::Stack;

/// What each service waits for, as `kind name of path`.
fn needs(stack: &Stack) -> Vec<(String, Vec<String>)> {
    let desired = stack.desired();
    let of = |plan: &compose_operator::translate::ServicePlan| {
        plan.externals.iter().map(|external| format!("{:?} {} of {}", external.kind, external.name, external.path)).collect()
    };
    desired.services.iter().map(|plan| (plan.name.clone(), of(plan))).collect()
}

fn pod(stack: &Stack, name: &str) -> Value {
    let object = serde_json::to_value(&stack.desired().objects[&Key::new(Kind::Deployment, name)]).unwrap();
    object["spec"]["template"].clone()
}

fn names_in_hosts_file(pod: &Value) -> Vec<String> {
    let args = pod["spec"]["initContainers"].as_array().into_iter().flatten().flat_map(|container| container["args"].as_array().unwrap());
    args.filter_map(|arg| Some(arg.as_str()?.strip_prefix("--name=")?.to_owned())).collect()
}

const SHARED: &str = "services:
  api: {image: x, networks: [shared]}
  side: {image: y, network_mode: 'service:api', volumes: ['kept:/kept']}
  my_db: {image: z, networks: [shared], expose: ['5432']}
networks: {shared: {external: true, name: team_net}}
volumes: {kept: {external: true, name: Their_Claim}}
";

#[test]
fn a_pod_waits_for_what_any_of_its_services_needs() {
    let network = "Network team_net of networks.shared".to_owned();
    let claim = "PersistentVolumeClaim their-claim of volumes.kept".to_owned();
    assert_eq!(
        needs(&Stack::of(SHARED)),
        [("api".to_owned(), vec![network.clone(), claim]), ("side".to_owned(), Vec::new()), ("my_db".to_owned(), vec![network])]
    );
}

#[test]
fn a_guest_is_on_the_external_network_of_its_host_and_has_its_names() {
    let stack = Stack::of(SHARED);
    let pod = pod(&stack, "api");
    for label in ["compose-operator.dev/net.shared", "compose-operator.dev/net-name.team_net"] {
        assert_eq!(pod["metadata"]["labels"][label], "true", "{label}");
    }
    assert_eq!(names_in_hosts_file(&pod), ["my_db=my-db"]);
    for container in pod["spec"]["containers"].as_array().unwrap() {
        let mounts = container["volumeMounts"].as_array().unwrap();
        assert!(mounts.iter().any(|mount| mount["mountPath"] == "/etc/hosts"), "{}", container["name"]);
    }
    let policy = serde_json::to_value(&stack.desired().objects[&Key::new(Kind::NetworkPolicy, "app--net-shared")]).unwrap();
    let admitted = &policy["spec"]["ingress"][0]["from"][1]["podSelector"];
    assert_eq!(admitted, &json!({"matchLabels": {"compose-operator.dev/net-name.team_net": "true"}}), "members in other stacks");
}

#[test]
fn a_service_without_network_waits_for_its_volume_alone_and_is_no_ones_name() {
    let stack = Stack::of(
        "services: {job_box: {image: x, network_mode: none, volumes: ['kept:/d']}, web: {image: y}}\nvolumes: {kept: {external: true}}",
    );
    let claim = "PersistentVolumeClaim kept of volumes.kept".to_owned();
    assert_eq!(needs(&stack), [("job_box".to_owned(), vec![claim]), ("web".to_owned(), Vec::new())]);
    assert_eq!(names_in_hosts_file(&pod(&stack, "web")), [""; 0]);
}

#[test]
fn an_external_default_network_is_waited_for_by_those_that_name_none() {
    let stack =
        Stack::of("services: {web: {image: x}, my_db: {image: y, expose: ['1']}}\nnetworks: {default: {external: true, name: corp}}");
    let network = vec!["Network corp of networks.default".to_owned()];
    assert_eq!(needs(&stack), [("web".to_owned(), network.clone()), ("my_db".to_owned(), network)]);
    assert_eq!(names_in_hosts_file(&pod(&stack, "web")), ["my_db=my-db"]);
}

#[test]
fn the_engines_own_networks_are_never_waited_for() {
    let mut stack = Stack::of(
        "services: {web: {image: x, networks: [h]}, none: {image: y, networks: [n]}}\nnetworks: {h: {external: true, name: host}, n: {external: true, name: none}}",
    );
    stack.settings.policy.host_network = true;
    assert_eq!(needs(&stack), [("web".to_owned(), Vec::new()), ("none".to_owned(), Vec::new())]);
    assert_eq!(pod(&stack, "web")["spec"]["hostNetwork"], true);
}
