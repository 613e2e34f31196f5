//! Gates, and the hashes that decide whether what runs stands.

use compose_operator::compose::model::DependencyCondition::{CompletedSuccessfully, Healthy, Started};
use compose_operator::translate::{Gate, Key, Kind, Object};

use crate::support::{Stack, problems};

fn inputs(text: &str) -> String {
    Stack::of(text).desired().service("web").unwrap().inputs.clone()
}

const BASE: &str = "services: {web: {image: x, environment: {A: '1', B: '2'}}, db: {image: y}}";

#[test]
fn what_changes_no_pod_changes_no_inputs() {
    let base = inputs(BASE);
    for same in [
        "services: {db: {image: y}, web: {environment: {B: '2', A: '1'}, image: x}}",
        "services: {web: {image: x, environment: ['A=1', 'B=2']}, db: {image: z}}",
        "services: {web: {image: x, environment: {A: '1', B: '2'}, scale: 3}, db: {image: y}}",
        "services: {web: {image: x, environment: {A: '1', B: '2'}, deploy: {replicas: 5}}, db: {image: y}}",
        "services: {web: {image: x, environment: {A: '1', B: '2'}, depends_on: [db]}, db: {image: y}}",
        "services: {web: {image: x, environment: {A: '1', B: '2'}, expose: [80]}, db: {image: y}}",
        "services: {web: {image: x, environment: {A: '1', B: '2'}, develop: {watch: []}}, db: {image: y}}",
    ] {
        assert_eq!(inputs(same), base, "{same}");
    }
    let of_user = |more: &str| inputs(&format!("services: {{web: {{image: x, user: '5'{more}}}}}"));
    assert_eq!(of_user(", expose: [8080]"), of_user(""));
    assert_ne!(of_user(", expose: [80]"), of_user(""), "its user may listen there then");
    let volume = |options: &str| inputs(&format!("services: {{web: {{image: x, volumes: ['vol:/v']}}}}\nvolumes: {{vol: {{{options}}}}}"));
    assert_eq!(volume("driver_opts: {size: 1g}"), volume("driver_opts: {size: 2g}"));
    assert_eq!(volume("driver_opts: {size: 1g}, labels: {a: b}"), volume(""));
    assert_ne!(volume("driver_opts: {type: tmpfs, o: size=1g}"), volume("driver_opts: {type: tmpfs, o: size=2g}"));
    let ports = |published: &str| inputs(&format!("services: {{web: {{image: x, ports: ['{published}:80']}}}}"));
    assert_eq!(ports("8080"), ports("9090"));
}

#[test]
fn what_changes_a_pod_changes_its_inputs() {
    let base = inputs(BASE);
    for other in [
        "services: {web: {image: x2, environment: {A: '1', B: '2'}}, db: {image: y}}",
        "services: {web: {image: x, environment: {A: '1', B: '3'}}, db: {image: y}}",
        "services: {web: {image: x, environment: {A: '1', B: '2'}, restart: 'no'}, db: {image: y}}",
        "services: {web: {image: x, environment: {A: '1', B: '2'}, ports: ['80']}, db: {image: y}}",
        "services: {web: {image: x, environment: {A: '1', B: '2'}, networks: [n]}, db: {image: y}}\nnetworks: {n: }",
        "services: {web: {image: x, environment: {A: '1', B: '2'}, volumes: ['vol:/vol']}, db: {image: y}}\nvolumes: {vol: }",
    ] {
        assert_ne!(inputs(other), base, "{other}");
    }
}

#[test]
fn a_restart_is_an_input_and_settings_that_change_pods_are() {
    let mut stack = Stack::of(BASE);
    let of = |stack: &Stack| stack.desired().service("web").unwrap().inputs.clone();
    let base = of(&stack);
    stack.settings.services.entry("web".to_owned()).or_default().restarted_at = Some("2026-01-01T00:00:00Z".to_owned());
    let restarted = of(&stack);
    assert_ne!(restarted, base);
    assert_eq!(stack.desired().service("db").unwrap().inputs, Stack::of(BASE).desired().service("db").unwrap().inputs);
    stack.settings.services.clear();
    stack.settings.network_policy = compose_operator::api::NetworkPolicyMode::Isolated;
    stack.settings.publish = compose_operator::api::PublishMode::ClusterIp;
    assert_eq!(of(&stack), base);
    stack.settings.image_pull_secrets = vec!["registry".to_owned()];
    assert_ne!(of(&stack), base);
}

#[test]
fn a_variable_or_a_secret_that_changes_changes_the_inputs() {
    let text = "services: {web: {image: x, environment: {P: '${P}'}, env_file: [e.env], secrets: [s]}}\nsecrets: {s: {file: ./s}}";
    let of = |variable: &str, env: &str, secret: &str| {
        let stack = Stack::of(text).with_secret_variable("P", variable).with_file("e.env", env).with_secret_file("s", secret);
        stack.desired().service("web").unwrap().inputs.clone()
    };
    let base = of("1", "E=1", "s1");
    assert_eq!(of("1", "# a comment\nE=1", "s1"), base);
    for other in [of("2", "E=1", "s1"), of("1", "E=2", "s1"), of("1", "E=1", "s2")] {
        assert_ne!(other, base);
    }
}

#[test]
fn inputs_stand_on_every_object_and_in_no_template() {
    let desired = Stack::of("services: {web: {image: x, ports: ['80'], networks: [n], volumes: ['vol:/vol'], configs: [c]}}\nnetworks: {n: }\nvolumes: {vol: }\nconfigs: {c: {content: x}}").desired();
    for object in desired.objects.values() {
        assert_eq!(object.inputs().len(), 16, "{}", object.key());
        let labels = object.metadata().labels.as_ref().unwrap();
        assert_eq!(labels["app.kubernetes.io/managed-by"], "compose-operator");
        assert_eq!(labels["compose-operator.dev/stack"], "app");
    }
    let plan = desired.service("web").unwrap();
    let Object::Deployment(deployment) = &desired.objects[&plan.workload] else { panic!("no Deployment") };
    assert_eq!(desired.objects[&plan.workload].inputs(), plan.inputs);
    let template = deployment.spec.clone().unwrap().template.metadata.unwrap();
    assert!(!template.annotations.unwrap().contains_key("compose-operator.dev/inputs"));
}

#[test]
fn a_service_that_changes_its_ports_changes_its_service_alone() {
    let of = |ports: &str| Stack::of(&format!("services: {{web: {{image: x, expose: [{ports}]}}}}")).desired();
    let (one, two) = (of("80"), of("81"));
    let service = Key::new(Kind::Service, "web");
    assert_ne!(one.objects[&service].inputs(), two.objects[&service].inputs());
    assert_eq!(one.services[0].inputs, two.services[0].inputs);
}

#[track_caller]
fn check(text: &str, expected: &[(&str, compose_operator::compose::model::DependencyCondition, bool, bool)]) {
    let desired = Stack::of(text).desired();
    let gates = &desired.service("web").unwrap().gates;
    let found: Vec<_> =
        gates.iter().map(|Gate { service, condition, required, restart }| (service.as_str(), *condition, *required, *restart)).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn dependencies_become_gates() {
    check("services: {web: {image: x, depends_on: [db]}, db: {image: y}}", &[("db", Started, true, false)]);
    check(
        "services: {web: {image: x, depends_on: {db: {condition: service_healthy, restart: true, required: false}}}, db: {image: y, healthcheck: {test: x}}}",
        &[("db", Healthy, false, true)],
    );
    check(
        "services: {web: {image: x, depends_on: {db: {condition: service_completed_successfully}}}, db: {image: y}}",
        &[("db", CompletedSuccessfully, true, false)],
    );
    check("services: {web: {image: x, links: ['db:data']}, db: {image: y}}", &[("db", Started, true, true)]);
    check("services: {web: {image: x, volumes_from: [db]}, db: {image: y}}", &[("db", Started, true, false)]);
    check(
        "services: {web: {image: x, depends_on: {db: {condition: service_started, required: false}}}, db: {image: y, profiles: [p]}}",
        &[],
    );
}

#[test]
fn dependencies_that_cannot_be_met_are_refused() {
    for (text, expected) in [
        ("services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [c]}, c: {image: x, depends_on: [a]}}", "a -> b -> c -> a"),
        ("services: {web: {image: x, depends_on: [db]}}", "db"),
        ("services: {web: {image: x, depends_on: [db]}, db: {image: y, profiles: [p]}}", "db"),
        (
            "services: {web: {image: x, depends_on: {db: {condition: service_healthy}}}, db: {image: y, healthcheck: {disable: true}}}",
            "can't become healthy",
        ),
    ] {
        let (desired, problems) = problems(&Stack::of(text));
        assert!(desired.is_none(), "not refused: {text}");
        assert!(problems.contains(expected), "{text}: {problems}");
    }
    let text = "services: {web: {image: x, depends_on: {db: {condition: service_healthy}}}, db: {image: y}}";
    assert_eq!(Stack::of(text).codes(), ["no-healthcheck services.web.depends_on.db"]);
}

#[test]
fn another_helper_image_changes_no_inputs() {
    let text = "services: {my_web: {image: x, volumes: ['data:/data'], tmpfs: [/run]}, db: {image: y}}\nvolumes: {data: }";
    let mut stack = Stack::of(text);
    let one = stack.desired();
    stack.settings.helper_image = Some("example/helper:2".to_owned());
    let two = stack.desired();
    assert_ne!(one.objects, two.objects, "the image is used");
    let inputs = |desired: &compose_operator::translate::Desired| {
        desired.objects.iter().map(|(key, object)| (key.clone(), object.inputs().to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(inputs(&one), inputs(&two));
}

#[test]
fn a_changed_name_changes_those_whose_hosts_files_hold_it() {
    let inputs = |name: &str| {
        let text =
            format!("services: {{web: {{image: x}}, db: {{image: y, container_name: {name}}}, far: {{image: z, network_mode: none}}}}");
        let desired = Stack::of(&text).desired();
        ["web", "far"].map(|service| desired.service(service).unwrap().inputs.clone())
    };
    let (one, two) = (inputs("db_1"), inputs("db_2"));
    assert_ne!(one[0], two[0]);
    assert_eq!(one[1], two[1]);
    // Names that DNS carries stand in no pod.
    assert_eq!(inputs("db1"), inputs("db2"));
}
