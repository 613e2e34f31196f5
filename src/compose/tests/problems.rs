use super::{Try, web};

/// What one service with these lines is refused for.
#[track_caller]
fn check(lines: &str, expected: &[&str]) {
    web(lines).refused(expected);
}

#[test]
fn unknown_keys_are_refused_with_the_one_that_was_meant() {
    Try::of("services: {web: {mage: nginx}}").refused(&["services.web.mage: unknown attribute, did you mean \"image\"?"]);
    check("healthcheck: {tests: a}", &["services.web.healthcheck.tests: unknown attribute, did you mean \"test\"?"]);
    check("ports: [{targt: 80, target: 80}]", &["services.web.ports[0].targt: unknown attribute, did you mean \"target\"?"]);
    check("banana: 1", &["services.web.banana: unknown attribute"]);
    Try::of("service: {}\nservices: {a: {image: x}}").refused(&["service: unknown attribute, did you mean \"services\"?"]);
    check("x-anything: {at: all}", &[]);
}

#[test]
fn wrong_types_are_refused_with_what_is_allowed() {
    check("ports: 80", &["services.web.ports: must be a list, found an integer"]);
    check("user: 1000", &["services.web.user: must be text, found an integer"]);
    check("command: [a, 1]", &["services.web.command[1]: must be text, found an integer"]);
    check("environment: text", &["services.web.environment: must be a mapping or a list, found text"]);
    check("environment: {A: {b: c}}", &["services.web.environment.A: must be text, true or false, a number or nothing, found a mapping"]);
    check("labels:", &["services.web.labels: must be a mapping or a list, found nothing"]);
    check("read_only: maybe", &["services.web.read_only: \"maybe\" is not true or false"]);
    check("deploy: {replicas: many}", &["services.web.deploy.replicas: \"many\" is not an integer"]);
    check("stop_grace_period: 10", &["services.web.stop_grace_period: must be text, found an integer"]);
    check("hostname: 2020-01-31", &["services.web.hostname: must be text, found a timestamp"]);
    check("environment: {DAY: 2020-01-31}", &[]);
    check("extra_hosts: {a: 2020-01-31}", &["services.web.extra_hosts.a: must be a list or text, found a timestamp"]);
    Try::of("services: [a]").refused(&["services: must be a mapping, found a list"]);
    Try::of("- a").refused(&[": the file must be a mapping with \"services\", found a list"]);
}

#[test]
fn a_date_where_something_else_is_due_is_told_once() {
    let dates = [
        ("shm_size: 2001-01-01", "shm_size: must be text or a number"),
        ("mem_limit: 2001-01-01", "mem_limit: must be text or a number"),
        ("mem_swappiness: 2001-01-01", "mem_swappiness: must be text or an integer"),
        ("deploy: {resources: {limits: {memory: 2001-01-01}}}", "deploy.resources.limits.memory: must be text"),
        ("volumes: [{type: tmpfs, target: /a, tmpfs: {size: 2001-01-01}}]", "volumes[0].tmpfs.size: must be text or an integer"),
        ("stop_grace_period: 2001-01-01", "stop_grace_period: must be text"),
        ("cpus: 2001-01-01", "cpus: must be text or a number"),
        ("privileged: 2001-01-01", "privileged: must be text or true or false"),
        ("deploy: {replicas: 2001-01-01}", "deploy.replicas: must be text or an integer"),
        ("ulimits: {nofile: 2001-01-01}", "ulimits.nofile: must be a mapping, text or an integer"),
        ("ulimits: {nofile: {soft: 2001-01-01, hard: 1}}", "ulimits.nofile.soft: must be text or an integer"),
        ("ports: [2001-01-01]", "ports[0]: must be a mapping, text or an integer"),
        ("ports: [{target: 2001-01-01}]", "ports[0].target: must be text or an integer"),
        ("volumes: [2001-01-01]", "volumes[0]: must be a mapping or text"),
        ("devices: [2001-01-01]", "devices[0]: must be a mapping or text"),
        ("command: 2001-01-01", "command: must be a list, text or nothing"),
        ("healthcheck: {test: 2001-01-01, retries: 3}", "healthcheck.test: must be a list or text"),
        ("pull_policy: 2001-01-01", "pull_policy: must be text"),
        ("build: 2001-01-01", "build: must be a mapping or text"),
        ("network_mode: 2001-01-01", "network_mode: must be text"),
        ("gpus: 2001-01-01", "gpus: must be a list or text"),
    ];
    for (lines, expected) in dates {
        check(lines, &[&format!("services.web.{expected}, found a timestamp")]);
    }
    Try::of("services: {web: {image: nginx, configs: [{source: c, mode: 2001-01-01}]}}\nconfigs: {c: {content: a}}")
        .refused(&["services.web.configs[0].mode: must be text or an integer, found a timestamp"]);
}

#[test]
fn values_out_of_range_are_refused() {
    check("oom_score_adj: 5000", &["services.web.oom_score_adj: must be between -1000 and 1000, found 5000"]);
    check("cpu_count: -1", &["services.web.cpu_count: must be 0 or more, found -1"]);
    check("scale: -1", &["services.web.scale: must be 0 or more"]);
    check(
        "mem_limit: 10 apples",
        &["services.web.mem_limit: \"10 apples\" is not a number of bytes, alone or with b, k, m, g, t or p, such as 512m or 1.5GiB"],
    );
    check("cgroup: hots", &["services.web.cgroup: \"hots\" is not allowed; allowed are host, private (did you mean \"host\"?)"]);
}

#[test]
fn what_is_named_must_be_defined() {
    check("networks: [front]", &["services.web.networks.front: network \"front\" is not defined under networks"]);
    check("volumes: ['data:/data']", &["services.web.volumes[0]: volume \"data\" is not defined under volumes"]);
    check("configs: [c]", &["services.web.configs[0]: config \"c\" is not defined under configs"]);
    check("secrets: [s]", &["services.web.secrets[0]: secret \"s\" is not defined under secrets"]);
    check("secrets: [{target: x}]", &["services.web.secrets[0]: \"source\" is missing; name one of secrets"]);
    check("models: [m]", &["services.web.models.m: model \"m\" is not defined under models"]);
    check("depends_on: [db]", &["services.web.depends_on.db: there is no service \"db\""]);
    check("links: ['db:database']", &["services.web.links[0]: there is no service \"db\""]);
    check("network_mode: service:db", &["services.web.network_mode: there is no service \"db\""]);
    check("volumes_from: [db]", &["services.web.volumes_from[0]: there is no service \"db\""]);
    let found = Try::of("services: {web: {image: x, networks: [frnt]}}\nnetworks: {front: }");
    found.refused(&["services.web.networks.frnt: network \"frnt\" is not defined under networks, did you mean \"front\"?"]);
}

#[test]
fn a_cycle_of_dependencies_is_refused_by_name_once() {
    let found = Try::of("services: {c: {image: x, depends_on: [a]}, a: {image: x, depends_on: [b]}, b: {image: x, links: [c]}}");
    found.refused(&["services.a.depends_on: services depend on each other: a -> b -> c -> a"]);
    Try::of("services: {a: {image: x, depends_on: [a]}}").refused(&["services.a.depends_on: services depend on each other: a -> a"]);
    Try::of("services: {a: {image: x, depends_on: [b, c]}, b: {image: x, depends_on: [c]}, c: {image: x}}").refused(&[]);
}

#[test]
fn attributes_that_contradict_each_other_are_refused() {
    check("network_mode: host\nnetworks: [default]", &["services.web.network_mode: only one of network_mode and networks may be given"]);
    check(
        "build: {dockerfile: D, dockerfile_inline: FROM x}",
        &["services.web.build: only one of dockerfile and dockerfile_inline may be given"],
    );
    check("scale: 2\ndeploy: {replicas: 3}", &["services.web.scale: must be the same as deploy.replicas"]);
    check("cpus: 1\ndeploy: {resources: {limits: {cpus: '2'}}}", &["services.web.cpus: must be the same as deploy.resources.limits.cpus"]);
    check("mem_limit: 1g\ndeploy: {resources: {limits: {memory: 1024m}}}", &[]);
    check("container_name: web-1\nscale: 2", &["services.web.container_name: is one name for 2 containers; leave it out or scale to 1"]);
    check("tmpfs: /data\nvolumes: [/data]", &["services.web.volumes[0]: the same target is mounted already by services.web.tmpfs[0]"]);
    check("gpus: [{count: 1, device_ids: [a]}]", &["services.web.gpus[0]: only one of count and device_ids may be given"]);
    let found = Try::of("services: {a: {image: x, container_name: cc}, b: {image: x, container_name: cc}}");
    found.refused(&["services.b.container_name: is the container name of services.a too"]);
    let found = Try::of("services: {a: {image: x}}\nvolumes: {v: {external: true, driver: local}}");
    found.refused(&["volumes.v.driver: has no meaning where external is true; only name may be given"]);
    let found = Try::of("services: {a: {image: x}}\nconfigs: {c: {file: a, content: b}, d: {}}");
    found.refused(&[
        "configs.c: only one of file, environment, content may be given",
        "configs.d: one of file, environment, content must be given",
    ]);
}

#[test]
fn a_service_needs_an_image_or_a_build() {
    Try::of("services: {web: {ports: ['80']}}").refused(&["services.web: has neither image nor build"]);
    Try::of("services: {web: {build: .}}").refused(&[]);
    Try::of("services: {web: {provider: {type: x}}}").refused(&[]);
}

#[test]
fn names_follow_the_rules() {
    let errors = Try::of("services: {a b: {image: x}}\nvolumes: {ä: }").errors();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].starts_with("services.a b: is no name"), "{errors:?}");
}

#[test]
fn all_problems_are_told_at_once_with_their_places() {
    let text = "services:\n  web:\n    imagee: x\n    ports: 80\n  db:\n    image: y\n    networks: [zz]\n    depends_on: [nope]\n";
    let loaded = Try::of(text).load();
    let found: Vec<(String, usize)> = loaded
        .diagnostics
        .iter()
        .map(|found| (found.path.clone(), found.span.and_then(|span| loaded.map.position(span)).map_or(0, |position| position.line)))
        .collect();
    let expected =
        [("services.web.imagee", 3), ("services.web.ports", 4), ("services.db.networks.zz", 7), ("services.db.depends_on.nope", 8)];
    assert_eq!(found, expected.map(|(path, line)| (path.to_owned(), line)));
}

#[test]
fn a_missing_variable_is_refused_by_name() {
    let errors = web("hostname: ${HOST:?give a host}").errors();
    assert_eq!(errors, ["services.web.hostname: required variable HOST is missing a value: give a host"]);
}

#[test]
fn a_file_without_anything_is_refused() {
    for text in ["", "# nothing\n"] {
        assert!(!Try::of(text).errors().is_empty(), "{text:?}");
    }
}

#[test]
fn warnings_do_not_keep_a_project_from_being_used() {
    let found = Try::of(
        "version: '3'\nservices: {web: {image: x, command: a && b, volumes: ['vol:/v:weird']}}\nvolumes: {vol: {external: {name: w}}}",
    );
    found.project();
    let paths: Vec<String> = found.warnings().iter().map(|warning| warning.split(':').next().unwrap().to_owned()).collect();
    assert_eq!(paths, ["version", "services.web.command", "services.web.volumes[0]", "volumes.vol.external"]);
}

#[test]
fn numbers_that_the_reference_takes_for_no_text_or_integer_are_refused() {
    for lines in [
        "ports: [3.0]",
        "ports: [{target: 80, published: 1e3}]",
        "ports: [9223372036854775808]",
        "expose: [80.0]",
        "group_add: [1.0]",
        "ulimits: {a: 1e3}",
        "ulimits: {a: {soft: 1, hard: 1e3}}",
        "gpus: [{count: 1e0}]",
        "storage_opt: {a: 1e3}",
        "storage_opt: {a: 2001-01-01}",
        "devices: [2001-01-01]",
        "tmpfs: [2001-01-01]",
        "cpus: nan",
        "cpus: .inf",
        "labels: {a: .nan}",
        "x-a: .nan",
    ] {
        assert!(!web(lines).errors().is_empty(), "{lines}");
    }
    for lines in ["ports: [3]", "ports: [{target: 80.0}]", "cpu_shares: 512.0", "cpus: 1e-1", "labels: {a: 1.5}"] {
        assert_eq!(web(lines).errors(), Vec::<String>::new(), "{lines}");
    }
}

#[test]
fn services_that_are_nothing_are_refused_in_a_later_file_too() {
    Try::of("services: {web: {image: nginx}}").merged("b.yaml", "services:\n").refused(&["services: must be a mapping, found nothing"]);
}
