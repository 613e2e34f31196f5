//! What holds for every project: names are legal and unique, the output is the same whatever the order of the file, nothing is made in vain.

use crate::text_attributes::{LISTS, TEXTS};
use std::collections::BTreeSet;

use compose_operator::translate::{Desired, Kind, Object};
use proptest::prelude::*;

use crate::support::{Stack, manifest};

/// Keys that are near each other once they are made legal, and long ones.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9][a-zA-Z0-9._-]{0,6}",
        "[a-z][a-z0-9_.-]{40,90}",
        prop_oneof![Just("my_db"), Just("my-db"), Just("My.Db"), Just("web"), Just("web--published"), Just("a_b"), Just("a-b")]
            .prop_map(str::to_owned),
    ]
}

#[derive(Clone, Debug)]
struct Drawn {
    name: String,
    lines: Vec<String>,
}

fn service() -> impl Strategy<Value = Drawn> {
    let line = prop_oneof![
        Just("ports: ['8080:80', '53:53/udp']"),
        Just("restart: 'no'"),
        Just("deploy: {mode: global}"),
        Just("networks: [front]"),
        Just("networks: {front: {aliases: [shared]}, back: }"),
        Just("volumes: ['data:/data', /scratch, './conf:/conf:ro']"),
        Just("environment: {A: '1', B: '$$x'}"),
        Just("labels: {a: b}"),
        Just("expose: [3000]"),
        Just("configs: [settings]"),
        Just("container_name: box"),
        Just("healthcheck: {test: 'true'}"),
        Just("env_file: [x.env]"),
        Just("cap_drop: [ALL]"),
        Just("secrets: [key]"),
    ];
    (key(), prop::collection::btree_set(line, 0..5)).prop_map(|(name, lines)| {
        let mut seen = BTreeSet::new();
        let lines = lines.into_iter().filter(|line| seen.insert(line.split(':').next())).map(str::to_owned).collect();
        Drawn { name, lines }
    })
}

fn project() -> impl Strategy<Value = Vec<Drawn>> {
    prop::collection::vec(service(), 1..6).prop_map(|mut services| {
        let mut seen = BTreeSet::new();
        services.retain(|service| seen.insert(service.name.clone()));
        services
    })
}

const TAIL: [&str; 4] = [
    "networks: {front: {internal: true}, back: }",
    "volumes: {data: }",
    "configs: {settings: {content: x}}",
    "secrets: {key: {file: ./key}}",
];

fn stack(services: &[Drawn], reversed: bool) -> Stack {
    let mut blocks: Vec<String> = services
        .iter()
        .map(|service| {
            let mut lines = service.lines.clone();
            lines.push("image: nginx:1".to_owned());
            if reversed {
                lines.reverse();
            }
            format!("  {}:\n    {}\n", service.name, lines.join("\n    "))
        })
        .collect();
    let mut tail = TAIL.to_vec();
    if reversed {
        blocks.reverse();
        tail.reverse();
    }
    let text = format!("services:\n{}{}\n", blocks.concat(), tail.join("\n"));
    Stack::of(&text).with_file("conf/a", "a").with_file("x.env", "X=1").with_file("key", "k")
}

fn text(desired: &Desired) -> String {
    desired.objects.values().map(manifest).collect()
}

fn is_label(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty() && name.len() <= 63 && name.chars().all(legal) && !name.starts_with('-') && !name.ends_with('-')
}

fn is_legal(object: &Object) -> bool {
    let name = object.name();
    let limited = matches!(object.kind(), Kind::Service | Kind::Deployment | Kind::DaemonSet | Kind::Job | Kind::PersistentVolumeClaim);
    if limited { is_label(name) } else { name.len() <= 253 && name.split('.').all(|part| part.len() <= 253 && !part.starts_with('-')) }
}

/// Values of labels, as the API server takes them.
fn has_legal_labels(object: &Object) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let end = |c: char| c.is_ascii_alphanumeric();
    object.metadata().labels.iter().flatten().all(|(key, value)| {
        let name = key.rsplit('/').next().unwrap();
        name.len() <= 63
            && name.ends_with(end)
            && value.len() <= 63
            && value.chars().all(legal)
            && (value.is_empty() || value.ends_with(end))
    })
}

fn anything() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9:/._=@,-]{0,24}", "\\PC{0,12}", "[0-9]{1,5}(-[0-9]{1,5})?(/udp)?", "(db|web|a_b)(:[a-z./]{0,8})?"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_the_file_changes_nothing_but_the_order_of_the_plans(services in project()) {
        let (one, two) = (stack(&services, false).translate().0, stack(&services, true).translate().0);
        prop_assert_eq!(one.is_some(), two.is_some());
        if let (Some(one), Some(mut two)) = (one, two) {
            two.services.reverse();
            prop_assert_eq!(text(&one), text(&two));
            prop_assert_eq!(one, two);
        }
    }

    #[test]
    fn names_are_legal_and_unique_or_the_collision_is_told(services in project()) {
        let stack = stack(&services, false);
        let (desired, diagnostics) = stack.translate();
        match desired {
            Some(desired) => {
                let names: BTreeSet<_> = desired.services.iter().map(|plan| &plan.object_name).collect();
                prop_assert_eq!(names.len(), services.len());
                for object in desired.objects.values() {
                    prop_assert!(is_legal(object), "{}", object.key());
                    prop_assert!(has_legal_labels(object), "{}", object.key());
                }
                prop_assert!(desired.services.iter().all(|plan| desired.objects.contains_key(&plan.workload)));
            }
            None => prop_assert!(diagnostics.iter().any(|diagnostic| diagnostic.is_error() && diagnostic.span.is_some())),
        }
    }

    #[test]
    fn the_same_project_gives_the_same_bytes(services in project()) {
        let stack = stack(&services, false);
        prop_assert_eq!(stack.translate().0.as_ref().map(text), stack.translate().0.as_ref().map(text));
    }

    #[test]
    fn no_text_makes_it_panic(attribute in 0..TEXTS.len() + LISTS.len(), text in anything(), key in key()) {
        let value = serde_json::Value::from(text);
        let line = match TEXTS.get(attribute) {
            Some(name) => format!("{name}: {value}"),
            None => format!("{}: [{value}]", LISTS[attribute - TEXTS.len()]),
        };
        let image = if line.starts_with("image") { "" } else { "image: x, " };
        let text = format!("services: {{\"{key}\": {{{image}{line}}}, db: {{image: y}}}}");
        let (desired, diagnostics) = Stack::of(&text).translate();
        prop_assert!(desired.is_some() || diagnostics.iter().any(compose_operator::compose::diagnostic::Diagnostic::is_error));
    }
}
