use crate::compose::model::FileSource;

use super::{Try, web};

const SECRET: &str = "hunter22";

/// Whatever is wrong with a value that comes from a Secret, no message quotes it.
#[track_caller]
fn never_told(text: &str, found: &Try) {
    let loaded = found.load();
    assert!(loaded.project.is_none(), "{text} is refused");
    for diagnostic in &loaded.diagnostics {
        assert!(!format!("{diagnostic:?}").contains(SECRET), "{diagnostic:?}");
    }
}

#[test]
fn messages_never_quote_a_secret() {
    for lines in [
        "privileged: $S",
        "ports: [\"$S\"]",
        "ports: [{target: $S}]",
        "volumes: [\"$S:/a:b:c:d\"]",
        "volumes: [{type: volume, source: $S, target: /a}]",
        "volumes: [\"./vol:/$S\", \"./wol:/$S\"]\ntmpfs: [/$S]",
        "pull_policy: $S",
        "mem_limit: $S",
        "stop_grace_period: $S",
        "cgroup: $S",
        "networks: [$S]",
        "networks: {a: {mac_address: 1}}\nnetwork_mode: service:$S",
        "depends_on: [$S]",
        "links: [\"$S\"]",
        "volumes_from: [\"$S\"]",
        "configs: [$S]",
        "configs: [{source: $S, mode: 9$S}]",
        "extends: $S",
        "extends: {service: a, file: $S}",
        "env_file: $S",
        "label_file: $S",
        "extra_hosts: [\"$S\"]",
        "container_name: \"-$S!\"\nscale: 2",
        "environment: [\"$S=x\"]",
        "labels: [$S]",
        "healthcheck: {test: [$S, a]}",
        "devices: [\"$S:a:b:c\"]",
        "build: {context: ., platforms: [a]}\nplatform: $S",
        "security_opt: [$S, $S]",
        "command: \"'$S\"",
        "deploy: {replicas: $S}",
        "expose: [{a: $S}]",
        "models: [$S]",
        "ulimits: {a: $S}",
    ] {
        never_told(lines, &web(lines).secret("S", SECRET));
    }
    never_told("", &Try::of("include: [$S]\nservices: {a: {image: x}}").secret("S", SECRET));
    never_told("", &Try::of("services: {a: {image: x}}\nnetworks: {n: {external: $S}}").secret("S", SECRET));
    never_told("", &Try::of("services: {a: {image: x}}\nvolumes: {n: {name: a, external: {name: $S}}}").secret("S", SECRET));
}

#[test]
fn what_is_made_of_a_secret_is_tainted_wherever_it_ends_up() {
    let found = web("environment: [PASSWORD=$S, USER=me]\ncommand: a $S\nhostname: $PLAIN").secret("S", SECRET).variable("PLAIN", "p");
    let project = found.merged("b.yaml", "services: {web: {environment: {MORE: x}, labels: {x: y}}}").project();
    for (path, expected) in [
        ("services.web.environment.PASSWORD", true),
        ("services.web.environment.USER", false),
        ("services.web.environment.MORE", false),
        ("services.web.command", true),
        ("services.web.command[1]", true),
        ("services.web.hostname", false),
        ("services.web", true),
        ("networks", false),
    ] {
        assert_eq!(project.tainted(path), expected, "{path}");
    }
}

#[test]
fn keys_without_value_and_configs_take_the_taint_of_their_variable() {
    let text = "services: {web: {image: x, environment: {S: }}}\nsecrets: {s: {environment: S}}";
    let project = Try::of(text).secret("S", SECRET).project();
    assert!(project.tainted("services.web.environment.S"));
    assert!(matches!(&project.secrets["s"].source, FileSource::Environment { tainted: true, .. }));
}

#[test]
fn env_files_know_whether_they_come_from_a_secret() {
    let project = web("env_file: [a.env, b.env, c.env]")
        .file("a.env", "A=1")
        .secret_file("b.env", "B=2")
        .file("c.env", "C=$S")
        .secret("S", SECRET)
        .project();
    let tainted: Vec<bool> = project.services["web"].env_files.iter().map(|file| file.tainted).collect();
    assert_eq!(tainted, [false, true, true]);
}

#[test]
fn all_of_a_compose_file_from_a_secret_is_tainted() {
    let found = Try::of("services: {web: {image: a}}").secret_file("b.yaml", "services: {web: {hostname: h}}");
    let mut found = found;
    found.compose.push("b.yaml".to_owned());
    let project = found.project();
    assert!(project.tainted("services.web.hostname") && !project.tainted("services.web.image"));
}
