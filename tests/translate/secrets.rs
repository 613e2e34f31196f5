//! What comes from a Secret stays in Secrets: no other object and no message ever holds it.

use crate::text_attributes::{LISTS, TEXTS};
use compose_operator::translate::{Kind, Object};

use crate::support::{Stack, manifest, problems, render};

const HIDDEN: &str = "hunter2-swordfish";

/// Translates, and holds that the value is in Secrets alone.
#[track_caller]
fn check(stack: &Stack) -> compose_operator::translate::Desired {
    let (desired, text) = problems(stack);
    assert!(!text.contains(HIDDEN), "told in a message: {text}");
    let desired = desired.unwrap_or_else(|| panic!("refused:\n{text}"));
    for object in desired.objects.values() {
        let text = manifest(object);
        assert!(!text.contains(HIDDEN), "in the open:\n{text}");
    }
    let secrets = desired.objects.values().filter_map(|object| if let Object::Secret(secret) = object { Some(secret) } else { None });
    let holds =
        secrets.flat_map(|secret| secret.data.clone().unwrap()).any(|(_, bytes)| String::from_utf8_lossy(&bytes.0).contains(HIDDEN));
    assert!(holds, "lost:\n{}", render(stack));
    desired
}

fn with(text: &str) -> Stack {
    Stack::of(text).with_secret_variable("PASSWORD", HIDDEN)
}

#[test]
fn variables_from_secrets_become_references() {
    let desired = check(&with("services: {db: {image: x, environment: {URL: 'pw=${PASSWORD}', OPEN: 'a$$b'}}}"));
    let text = manifest(&desired.objects[&desired.services[0].workload]);
    assert!(text.contains("secretKeyRef") && text.contains("value: a$$b"), "{text}");
}

#[test]
fn words_of_commands_from_secrets_become_variables() {
    let desired = check(&with("services: {db: {image: x, command: [run, '--pw=${PASSWORD}', '$$x']}}"));
    let text = manifest(&desired.objects[&desired.services[0].workload]);
    assert!(text.contains("- $(COMPOSE_SECRET_WORD_1)") && text.contains("- $$x"), "{text}");
    check(&with("services: {db: {image: x, entrypoint: 'run --pw=${PASSWORD}'}}"));
}

#[test]
fn configs_with_a_secret_in_them_become_secrets() {
    check(&with("services: {db: {image: x, configs: [c]}}\nconfigs: {c: {content: 'pw=${PASSWORD}'}}"));
    check(&with("services: {db: {image: x, configs: [c]}}\nconfigs: {c: {environment: PASSWORD}}"));
    check(&with("services: {db: {image: x, secrets: [s]}}\nsecrets: {s: {environment: PASSWORD}}"));
}

#[test]
fn files_from_secrets_stay_in_secrets() {
    let file = |text: &str, path: &str| Stack::of(text).with_secret_file(path, HIDDEN);
    check(&file("services: {db: {image: x, volumes: ['./pw:/pw:ro']}}", "pw"));
    check(&file("services: {db: {image: x, volumes: ['./conf:/conf:ro']}}", "conf/pw").with_file("conf/open", "open"));
    check(&file("services: {db: {image: x, configs: [c]}}\nconfigs: {c: {file: ./pw}}", "pw"));
}

#[test]
fn env_files_are_secrets_whatever_they_hold() {
    let stack = Stack::of("services: {db: {image: x, env_file: [a.env, b.env], environment: {A: '1'}}}")
        .with_file("a.env", "PW=hunter2-swordfish\nA=2\n")
        .with_file("b.env", "B='lit$eral'\n");
    let desired = check(&stack);
    assert_eq!(desired.objects.keys().filter(|key| key.kind == Kind::Secret).count(), 2);
    let text = manifest(&desired.objects[&desired.services[0].workload]);
    let first = text.find("app--a-env--").unwrap();
    assert!(first < text.find("app--b-env--").unwrap(), "later files win: {text}");
}

#[test]
fn no_message_and_no_object_in_the_open_ever_tells_a_secret() {
    let texts = TEXTS.iter().map(|name| format!("{name}: '${{PASSWORD}}'"));
    let lists = LISTS.iter().flat_map(|name| {
        [format!("{name}: ['${{PASSWORD}}']"), format!("{name}: ['a=${{PASSWORD}}']"), format!("{name}: ['./${{PASSWORD}}:/x']")]
    });
    let nested = [
        "deploy: {placement: {constraints: ['${PASSWORD}']}}",
        "deploy: {resources: {limits: {memory: '${PASSWORD}'}}}",
        "healthcheck: {test: x, interval: '${PASSWORD}'}",
        "logging: {driver: '${PASSWORD}'}",
        "ports: [{target: 80, published: '${PASSWORD}'}]",
        "volumes: [{type: tmpfs, target: '/${PASSWORD}'}]",
        "build: '${PASSWORD}'",
        "devices: [{source: '${PASSWORD}'}]",
        "gpus: [{driver: '${PASSWORD}'}]",
        "deploy: {resources: {reservations: {generic_resources: [{discrete_resource_spec: {kind: '${PASSWORD}', value: 1}}]}}}",
        "networks: {'${PASSWORD}': }",
    ];
    for line in texts.chain(lists).chain(nested.map(str::to_owned)) {
        let image = if line.starts_with("image") { "" } else { "image: x, " };
        let stack = with(&format!("services: {{db: {{{image}{line}}}}}"));
        let (desired, text) = problems(&stack);
        assert!(!text.contains(HIDDEN), "{line}: told in a message: {text}");
        for object in desired.iter().flat_map(|desired| desired.objects.values()).filter(|object| object.kind() != Kind::Secret) {
            assert!(!manifest(object).contains(HIDDEN), "{line}: in the open");
        }
    }
}

#[test]
fn a_secret_anywhere_else_is_refused_without_telling_it() {
    for text in [
        "services: {db: {image: 'x:${PASSWORD}'}}",
        "services: {db: {image: x, labels: {a: '${PASSWORD}'}}}",
        "services: {db: {image: x, healthcheck: {test: 'check ${PASSWORD}'}}}",
        "services: {db: {image: x, hostname: '${PASSWORD}'}}",
        "services: {db: {image: x, deploy: {labels: {a: '${PASSWORD}'}}}}",
        "services: {db: {image: x, extra_hosts: ['${PASSWORD}:1.2.3.4']}}",
        "services: {db: {image: x, networks: {n: {aliases: ['${PASSWORD}']}}}}\nnetworks: {n: }",
        "services: {db: {image: x}}\nvolumes: {v: {name: '${PASSWORD}'}}",
        "services: {db: {image: x, working_dir: '/${PASSWORD}'}}",
    ] {
        let (desired, problems) = problems(&with(text));
        assert!(desired.is_none(), "not refused: {text}");
        assert!(!problems.contains(HIDDEN), "told: {problems}");
        assert!(problems.contains("Secret"), "{text}: {problems}");
    }
}
