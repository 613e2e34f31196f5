//! `x-kubernetes` and the labels of Kompose: what is refused, what is told, and what the one does to the other.

use std::collections::{BTreeMap, BTreeSet};

use compose_operator::compose::sources::ComposeFile;
use compose_operator::translate::{Key, Kind, Object};
use k8s_openapi::api::core::v1::PodSpec;

use crate::support::{Stack, problems};

#[track_caller]
fn refused(text: &str, expected: &str) {
    refused_of(&Stack::of(text), expected);
}

#[track_caller]
fn refused_of(stack: &Stack, expected: &str) {
    let (desired, found) = problems(stack);
    assert!(desired.is_none(), "is not refused");
    assert!(found.contains(expected), "{expected}\nis not among\n{found}");
}

#[track_caller]
fn service(extension: &str, expected: &str) {
    refused(&format!("services:\n  web:\n    image: x:1\n    x-kubernetes: {extension}\n"), expected);
}

fn pod(stack: &Stack, name: &str) -> PodSpec {
    let desired = stack.desired();
    match &desired.objects[&desired.service(name).unwrap().workload] {
        Object::Deployment(o) => o.spec.clone().unwrap().template.spec.unwrap(),
        Object::StatefulSet(o) => o.spec.clone().unwrap().template.spec.unwrap(),
        other => panic!("{}", other.key()),
    }
}

#[test]
fn what_is_misspelt_is_told_with_what_was_meant_where_it_stands() {
    service(
        "{knd: Job}",
        "services.web.x-kubernetes.knd (compose.yaml:4:20): unknown-attribute: unknown attribute, did you mean \"kind\"?",
    );
    service(
        "{hpa: {max: 3, cpus: 1}}",
        "services.web.x-kubernetes.hpa.cpus (compose.yaml:4:34): unknown-attribute: unknown attribute, did you mean \"cpu\"?",
    );
    service("{kind: Deploymant}", "services.web.x-kubernetes.kind (compose.yaml:4:20): invalid-value");
    service("[kind]", "services.web.x-kubernetes (compose.yaml:4:5): wrong-type: expected a mapping, found a list");
    refused("x-kubernetes: {external: a.example.com}\nservices: {}\n", "x-kubernetes.external (compose.yaml:1:16): unknown-attribute");
    refused(
        "services:\n  web:\n    image: x\n    ports:\n      - {target: 80, x-kubernetes: {exposed: none}}\n",
        "services.web.ports[0].x-kubernetes.exposed (compose.yaml:5:37): unknown-attribute: unknown attribute, did you mean \"expose\"?",
    );
    refused(
        "services: {}\nvolumes: {a: {x-kubernetes: {sise: 1g}}}\n",
        "volumes.a.x-kubernetes.sise (compose.yaml:2:30): unknown-attribute: unknown attribute, did you mean \"size\"?",
    );
    refused("services: {}\nnetworks: {a: {x-kubernetes: {isolated: false}}}\n", "did you mean \"isolate\"?");
    refused("services: {}\nconfigs: {a: {content: b, x-kubernetes: {keys: c}}}\n", "did you mean \"key\"?");
    refused("services: {web: {image: x, deploy: {x-kubernetes: {kind: Job}}}}\n", "services.web.deploy.x-kubernetes");
}

#[test]
fn values_are_judged_with_what_is_allowed() {
    service("{automountToken: 3}", "automountToken (compose.yaml:4:20): wrong-type: expected true or false, found an integer");
    service("{fsGroup: -1}", "-1 is not between 0 and 4294967295");
    service("{ports: [0]}", "x-kubernetes.ports[0] (compose.yaml:4:28): port: \"0\" is not a port");
    service("{names: [my_db]}", "\"my_db\" can't be the name of a Service");
    service("{external: 10.0.0.1}", "10.0.0.1 is an address");
    service("{schedule: hourly}", "is no schedule");
    service("{kind: CronJob}", "a CronJob needs `schedule`");
    service("{kind: Job, schedule: '@daily'}", "a Job has no schedule");
    service("{hpa: {min: 3}}", "max is missing");
    service("{hpa: {min: 3, max: 2}}", "3 is more than max (2)");
    service("{hpa: {max: 3, cpu: much}}", "neither a percentage");
    service("{kind: DaemonSet, hpa: {max: 3}}", "a DaemonSet isn't scaled");
    service("{kind: DaemonSet, pdb: true}", "a DaemonSet has no replicas that may be away");
    service("{pdb: {minAvailable: 1, maxUnavailable: 1}}", "one of minAvailable and maxUnavailable");
    service("{liveness: true}", "the service has no healthcheck to take it from");
    service("{liveness: {httpGet: {path: /}}}", "port is missing");
    service("{liveness: {test: a, tcpPort: 1}}", "one of test, httpGet and tcpPort");
    service("{service: clusterIP}", "name them in `expose` or x-kubernetes.ports");
    service("{resources: {cpu: 1}}", "is no extended resource");
    service("{podLabels: {app.kubernetes.io/name: a}}", "reserved-label");
    service("{tolerations: [{effect: Never}]}", "tolerations[0].effect");
    service("{topologySpread: [{maxSkew: 1}]}", "topologyKey must be");
    service("{nodeSelector: {a b: c}}", "is no legal key of a label");
    let port = |extension: &str| format!("services:\n  web:\n    image: x\n    ports: [{{target: 80, x-kubernetes: {extension}}}]\n");
    refused(&port("{expose: lodBalancer}"), "loadBalancer");
    refused(&port("{expose: gateway}"), "the name of the Gateway is missing");
    refused(&port("{expose: {ingress: {host: 'a b'}}}"), "is no host name");
    refused(&port("{expose: {ingress: {path: admin}}}"), "does not begin with /");
    refused(&port("{sourceRanges: [10.0.0.0/8]}"), "would be open to all");
    refused(&port("{expose: loadBalancer, sourceRanges: [10.0.0.0/33]}"), "is no range of addresses");
    refused(
        "services: {web: {image: x, volumes: ['own:/a']}}\nvolumes: {own: {x-kubernetes: {shared: false}}}\n",
        "only the replicas of a StatefulSet",
    );
}

#[test]
fn what_the_administrator_has_not_allowed_names_the_policy() {
    service("{podOverlay: {hostNetwork: true}}", "allowed by the administrator's policy.podOverlay only");
    service("{runtimeClassName: kata}", "allowed by the administrator's policy.runtimes only");
    service("{podAnnotations: {example.com/a: b}}", "allowed by the administrator's policy.annotations only");
}

#[test]
fn what_the_administrator_allows_is_applied_the_overlay_last() {
    let text = "
services:
  web:
    image: x:1
    environment: {A: '1'}
    x-kubernetes:
      runtimeClassName: kata
      podAnnotations: {example.com/a: b}
      podOverlay:
        terminationGracePeriodSeconds: 90
        containers: [{name: web, env: [{name: B, value: '2'}]}, {name: side, image: y:1}]
";
    let mut stack = Stack::of(text);
    stack.settings.policy.pod_overlay = true;
    stack.settings.policy.runtimes.insert("kata".to_owned(), "kata".to_owned());
    stack.settings.policy.annotations.insert("example.com".to_owned());
    let pod = pod(&stack, "web");
    assert_eq!((pod.runtime_class_name.as_deref(), pod.termination_grace_period_seconds), (Some("kata"), Some(90)));
    let names: Vec<_> = pod.containers.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["web", "side"]);
    let variables: Vec<_> = pod.containers[0].env.iter().flatten().map(|v| v.name.as_str()).collect();
    assert_eq!(variables, ["A", "B"]);

    let mut unknown = Stack::of(&text.replace("terminationGracePeriodSeconds", "terminationGrace"));
    unknown.settings = stack.settings.clone();
    refused_of(&unknown, "spec.terminationGrace is no field of a pod");
    let mut ours = Stack::of(
        &text
            .replace("terminationGracePeriodSeconds: 90", "metadata: {labels: {compose-operator.dev/stack: a}}")
            .replace("containers: [", "spec: {containers: [")
            .replace("image: y:1}]", "image: y:1}]}"),
    );
    ours.settings = stack.settings;
    refused_of(&ours, "compose-operator.dev/stack is not to be changed");
}

#[test]
fn the_extension_is_merged_extended_and_interpolated_as_any_mapping_is() {
    let base = "services:\n  base:\n    image: x:1\n    x-kubernetes: {priorityClassName: low, podLabels: {a: '1'}}\n";
    let file = "services:\n  web:\n    extends: {file: base.yaml, service: base}\n    x-kubernetes: {kind: StatefulSet, podLabels: {b: \"${B:-2}\"}}\n";
    let over = "services:\n  web:\n    x-kubernetes: {priorityClassName: high, fsGroup: \"${GROUP:-7}\"}\n";
    let mut stack = Stack::of(file).with_file("base.yaml", base);
    stack.compose.push(ComposeFile::Text { name: "over.yaml".to_owned(), text: over.to_owned(), tainted: false });
    let desired = stack.desired();
    let Object::StatefulSet(made) = &desired.objects[&Key::new(Kind::StatefulSet, "web")] else { panic!("no StatefulSet") };
    let template = made.spec.clone().unwrap().template;
    let labels = template.metadata.unwrap().labels.unwrap();
    assert_eq!((labels["a"].as_str(), labels["b"].as_str()), ("1", "2"));
    let pod = template.spec.unwrap();
    assert_eq!((pod.priority_class_name.as_deref(), pod.security_context.unwrap().fs_group), (Some("high"), Some(7)));
}

#[test]
fn what_changes_no_pod_restarts_none() {
    let inputs = |text: &str| Stack::of(text).desired().service("web").unwrap().inputs.clone();
    let of = |extension: &str| inputs(&format!("services:\n  web:\n    image: x:1\n    ports: ['80']\n    x-kubernetes: {extension}\n"));
    let before = inputs("services:\n  web:\n    image: x:1\n    ports: ['80']\n");
    for same in ["{}", "{hpa: {max: 3}}", "{pdb: true}", "{ports: [81]}", "{names: [www]}", "{service: headless}"] {
        assert_eq!(of(same), before, "{same}");
    }
    for other in ["{kind: StatefulSet}", "{priorityClassName: a}", "{podLabels: {a: b}}", "{liveness: {tcpPort: 80}}"] {
        assert_ne!(of(other), before, "{other}");
    }
}

#[test]
fn an_autoscaler_has_the_replicas_and_begins_within_its_bounds() {
    let plan = |replicas: &str, hpa: &str| {
        let text = format!("services:\n  web:\n    image: x:1\n    deploy: {{replicas: {replicas}}}\n    x-kubernetes: {{hpa: {hpa}}}\n");
        let plan = Stack::of(&text).desired().service("web").unwrap().clone();
        (plan.replicas, plan.autoscaled)
    };
    assert_eq!(plan("5", "{min: 2, max: 10}"), (5, Some((2, 10))));
    assert_eq!(plan("1", "{min: 2, max: 10}"), (2, Some((2, 10))));
    assert_eq!(plan("50", "{max: 10}"), (10, Some((1, 10))));
    assert_eq!(plan("0", "{max: 10}"), (0, Some((1, 10))));
}

#[test]
fn what_is_somewhere_else_has_a_name_and_no_workload_and_nobody_waits_for_it() {
    let text = "
services:
  web: {image: x:1, depends_on: [db], links: ['db:store']}
  db: {provider: {type: example}, x-kubernetes: {external: DB.example.com}}
";
    let desired = Stack::of(text).desired();
    for name in ["db", "store"] {
        let Object::Service(service) = &desired.objects[&Key::new(Kind::Service, name)] else { panic!("no Service") };
        let spec = service.spec.clone().unwrap();
        assert_eq!((spec.type_.as_deref(), spec.external_name.as_deref()), (Some("ExternalName"), Some("db.example.com")), "{name}");
    }
    assert!(desired.service("db").is_none() && desired.service("web").unwrap().gates.is_empty());
    assert!(desired.objects.keys().all(|key| !key.kind.is_workload() || key.name == "web"));
    refused("services: {mail: {provider: {type: a}}}\n", "x-kubernetes.external: <host> says where the service is instead");
    let waits = "services:\n  web: {image: x, depends_on: {db: {condition: service_completed_successfully}}}\n  db: {image: y, x-kubernetes: {external: a.example.com}}\n";
    refused(waits, "db never completes: it is somewhere else");
}

#[test]
fn a_kind_that_cannot_be_had_is_told_and_everything_else_is_made() {
    let text = "
services:
  web:
    image: x:1
    ports: [{target: 80, x-kubernetes: {expose: {gateway: {name: public}}}}]
    x-kubernetes: {hpa: {max: 3}, pdb: true}
";
    let all = Stack::of(text).desired().objects;
    let mut stack = Stack::of(text);
    stack.facts.unserved = BTreeSet::from([Kind::HttpRoute]);
    stack.settings.without = BTreeSet::from([Kind::HorizontalPodAutoscaler, Kind::PodDisruptionBudget]);
    let desired = stack.desired();
    let missing: Vec<Kind> = all.keys().filter(|key| !desired.objects.contains_key(*key)).map(|key| key.kind).collect();
    assert_eq!(missing, [Kind::HorizontalPodAutoscaler, Kind::PodDisruptionBudget, Kind::HttpRoute]);
    assert_eq!(desired.service("web").unwrap().autoscaled, None);
    let told: Vec<String> = stack.codes().into_iter().filter(|code| code.starts_with("kind-missing")).collect();
    assert_eq!(
        told,
        [
            "kind-missing services.web.x-kubernetes.hpa",
            "kind-missing services.web.x-kubernetes.pdb",
            "kind-missing services.web.ports[0].x-kubernetes.expose",
        ]
    );
}

#[test]
fn values_of_secrets_do_not_stand_in_the_extension() {
    let text = "services:\n  web:\n    image: x:1\n    x-kubernetes: {priorityClassName: \"${CLASS}\"}\n";
    let stack = Stack::of(text).with_secret_variable("CLASS", "hidden");
    refused_of(&stack, "secret-in-the-open");
    assert!(!problems(&stack).1.contains("hidden"));
}

#[test]
fn labels_of_kompose_are_a_second_spelling_over_which_the_first_wins() {
    let kinds = |service: &str| {
        let stack = Stack::of(&format!("services:\n  web:\n    image: x:1\n{service}"));
        let codes: BTreeMap<String, usize> = stack.codes().into_iter().fold(BTreeMap::new(), |mut all, code| {
            *all.entry(code).or_default() += 1;
            all
        });
        (stack.desired().service("web").unwrap().kind(), codes)
    };
    let (kind, codes) = kinds("    labels: {kompose.controller.type: statefulset}\n");
    assert_eq!(kind, Kind::StatefulSet);
    assert_eq!(codes.keys().collect::<Vec<_>>(), ["kompose-spelling services.web.labels.kompose.controller.type"]);
    let (kind, codes) = kinds("    labels: {kompose.controller.type: daemonset}\n    x-kubernetes: {kind: Deployment}\n");
    assert_eq!(kind, Kind::Deployment);
    assert!(codes.contains_key("kompose-label services.web.labels.kompose.controller.type"), "{codes:?}");
    let (_, codes) = kinds("    labels: {kompose.service.group: a, kompose.hpa.cpu: lots}\n");
    assert!(codes.contains_key("kompose-label services.web.labels.kompose.service.group"), "{codes:?}");
    assert!(codes.contains_key("kompose-label services.web.labels.kompose.hpa.cpu"), "{codes:?}");
}

/// The fenced files of a page.
fn fences(page: &str) -> Vec<String> {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = std::fs::read_to_string(file).unwrap();
    text.split("\n```yaml\n").skip(1).map(|rest| rest.split("\n```").next().unwrap().to_owned()).collect()
}

#[test]
fn every_file_of_the_page_about_the_extension_becomes_objects_and_is_warned_about_for_kompose_alone() {
    let files = fences("docs/x-kubernetes.md");
    assert!(files.len() >= 8, "{} files", files.len());
    for file in files {
        let stack = Stack::of(&file);
        let (desired, text) = problems(&stack);
        assert!(desired.is_some(), "{file}\n{text}");
        let others: Vec<String> = stack.codes().into_iter().filter(|code| !code.starts_with("kompose")).collect();
        assert!(others.is_empty(), "{file}\n{others:?}");
    }
}

#[test]
fn the_page_about_the_extension_names_every_key() {
    let text = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/x-kubernetes.md")).unwrap();
    // A key that is unknown is refused with all that are known.
    for refused in [
        "services: {web: {image: x, x-kubernetes: {zzzzzzzz: 1}}}",
        "services: {web: {image: x, ports: [{target: 80, x-kubernetes: {zzzzzzzz: 1}}]}}",
        "services: {}\nnetworks: {a: {x-kubernetes: {zzzzzzzz: 1}}}",
        "services: {}\nvolumes: {a: {x-kubernetes: {zzzzzzzz: 1}}}",
        "services: {}\nconfigs: {a: {content: b, x-kubernetes: {zzzzzzzz: 1}}}",
    ] {
        let found = problems(&Stack::of(refused)).1;
        let allowed = found.split("allowed are ").nth(1).unwrap().lines().next().unwrap();
        for key in allowed.split(", ") {
            assert!(text.contains(&format!("`{key}`")) || text.contains(&format!("`{key}:")), "{key} is not in the page");
        }
    }
}
