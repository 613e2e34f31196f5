use serde_json::{Value, json};

use super::{Try, web};

/// Two files that give `web` one attribute each.
#[track_caller]
fn check(attribute: &str, earlier: &str, later: &str, expected: Value) {
    let file = |value: &str| format!("services: {{web: {{image: nginx, {attribute}: {value}}}}}");
    let top = "networks: {a: , b: , c: }\nvolumes: {vol: , wol: }\nconfigs: {k: {content: x}}\nsecrets: {s: {environment: S}}\nmodels: {m: {model: x}}";
    let others = "services: {db: {image: x}, cache: {image: x}}";
    let found = Try::of(&file(earlier)).merged("later.yaml", &file(later)).merged("top.yaml", top).merged("others.yaml", others);
    found.prints(&format!("services/web/{attribute}"), expected);
}

#[test]
fn scalars_are_replaced_and_null_keeps_the_earlier() {
    check("hostname", "a", "b", json!("b"));
    check("healthcheck", "{test: a, retries: 3}", "{retries: 5}", json!({"test": ["CMD-SHELL", "a"], "retries": 5}));
    check("pid", "host", "null", json!("host"));
}

#[test]
fn lists_are_appended_and_equal_items_stand_once() {
    check("security_opt", "[a, b]", "[b, c]", json!(["a", "b", "c"]));
    check("dns", "1.1.1.1", "[1.1.1.1, 8.8.8.8]", json!(["1.1.1.1", "8.8.8.8"]));
    check("tmpfs", "/run", "/tmp", json!(["/run", "/tmp"]));
    check("expose", "[80]", "['80', 81]", json!(["80", "81"]));
    check("extra_hosts", "['a=1.1.1.1']", "{a: 1.1.1.1, b: 2.2.2.2}", json!(["a=1.1.1.1", "b=2.2.2.2"]));
}

#[test]
fn commands_are_replaced_whole() {
    check("command", "a b c", "[d]", json!(["d"]));
    check("entrypoint", "[a]", "b", json!(["b"]));
    check("healthcheck", "{test: [CMD, a]}", "{test: b}", json!({"test": ["CMD-SHELL", "b"]}));
}

#[test]
fn keys_and_values_merge_by_key_in_either_form() {
    for attribute in ["environment", "labels", "annotations", "sysctls"] {
        let expected = json!({"A": "2", "B": "1", "C": "3"});
        check(attribute, "{A: 1, B: 1}", "{A: 2, C: 3}", expected.clone());
        check(attribute, "[A=1, B=1]", "{A: 2, C: 3}", expected.clone());
        check(attribute, "{A: 1, B: 1}", "[A=2, C=3]", expected);
    }
}

#[test]
fn names_merge_in_either_form() {
    let healthy = json!({"condition": "service_healthy", "required": true});
    let started = json!({"condition": "service_started", "required": true});
    check(
        "depends_on",
        "[db]",
        "{db: {condition: service_healthy}, cache: {condition: service_started}}",
        json!({"db": healthy, "cache": started}),
    );
    check("networks", "[a, b]", "{b: {aliases: [x]}, c: }", json!({"a": null, "b": {"aliases": ["x"]}, "c": null}));
    check("models", "[m]", "{m: {model_var: M}}", json!({"m": {"model_var": "M"}}));
    check("build", ".", "{target: prod}", json!({"context": ".", "dockerfile": "Dockerfile", "target": "prod"}));
}

#[test]
fn what_has_a_target_is_replaced_by_it() {
    let volume = |source: &str, target: &str| json!({"type": "volume", "source": source, "target": target, "volume": {}});
    check("volumes", "['vol:/data', 'vol:/other']", "['wol:/data']", json!([volume("wol", "/data"), volume("vol", "/other")]));
    check("devices", "['/dev/a:/dev/x']", "['/dev/b:/dev/x:r']", json!([{"source": "/dev/b", "target": "/dev/x", "permissions": "r"}]));
    check("configs", "[k]", "[{source: k, target: /k}]", json!([{"source": "k", "target": "/k"}]));
    check("secrets", "[s]", "[{source: s, uid: '1'}]", json!([{"source": "s", "target": "/run/secrets/s", "uid": "1"}]));
    check("env_file", "[{path: a, required: false}]", "[{path: a, required: false, format: raw}]", Value::Null);
}

#[test]
fn ports_are_the_same_by_address_published_port_target_and_protocol() {
    let port = |published: &str| json!({"mode": "ingress", "protocol": "tcp", "target": 80, "published": published});
    check("ports", "['80:80', '81:80']", "[{target: 80, published: '80'}]", json!([port("80"), port("81")]));
    check("ports", "['80-81:80-81']", "['80:80']", {
        let other = json!({"mode": "ingress", "protocol": "tcp", "target": 81, "published": "81"});
        json!([port("80"), other])
    });
}

#[test]
fn ulimits_and_logging_merge_by_their_own_rules() {
    check("ulimits", "{nofile: 1, nproc: 2}", "{nofile: {soft: 1, hard: 2}}", json!({"nofile": {"soft": 1, "hard": 2}, "nproc": 2}));
    check(
        "logging",
        "{driver: a, options: {x: 1}}",
        "{driver: a, options: {y: 2}}",
        json!({"driver": "a", "options": {"x": "1", "y": "2"}}),
    );
    check("logging", "{driver: a, options: {x: 1}}", "{driver: b, options: {y: 2}}", json!({"driver": "b", "options": {"y": "2"}}));
    check("logging", "{options: {x: 1}}", "{driver: b}", json!({"driver": "b", "options": {"x": "1"}}));
}

#[test]
fn a_mapping_cannot_meet_a_list() {
    let found = web("deploy: {placement: {constraints: [a==b]}}").merged("b.yaml", "services: {web: {deploy: {placement: [x]}}}");
    assert_eq!(found.errors()[0], "services.web.deploy.placement: cannot override a mapping with a list");
}

#[test]
fn address_pools_merge_by_subnet() {
    let file = |pools: &str| format!("services: {{web: {{image: x, networks: [n]}}}}\nnetworks: {{n: {{ipam: {{config: {pools}}}}}}}");
    let found = Try::of(&file("[{subnet: 10.0.0.0/24, gateway: 10.0.0.1}]"))
        .merged("b.yaml", &file("[{subnet: 10.0.0.0/24, ip_range: 10.0.0.0/28}]"));
    found.prints("networks/n/ipam/config", json!([{"subnet": "10.0.0.0/24", "gateway": "10.0.0.1", "ip_range": "10.0.0.0/28"}]));
}

#[test]
fn reset_takes_away_and_override_replaces() {
    let base =
        "services:\n  web:\n    image: nginx\n    ports: ['80:80']\n    environment: {A: 1, B: 2}\n    command: [x]\n    labels: {l: m}\n";
    let later = "services:\n  web:\n    ports: !reset []\n    environment:\n      A: !reset null\n    labels: !override {n: o}\n";
    let found = Try::of(base).merged("b.yaml", later);
    found.prints("services/web/ports", Value::Null);
    found.prints("services/web/environment", json!({"B": "2"}));
    found.prints("services/web/labels", json!({"n": "o"}));
    found.prints("services/web/command", json!(["x"]));
}

#[test]
fn a_whole_service_can_be_reset() {
    let found = Try::of("services: {web: {image: a}, db: {image: b}}").merged("b.yaml", "services: {db: !reset null}");
    assert_eq!(found.project().services.keys().collect::<Vec<_>>(), ["web"]);
}

#[test]
fn documents_of_one_file_are_merged_in_order() {
    Try::of("services: {web: {image: a}}\n---\nservices: {web: {image: b}}\n").prints("services/web/image", json!("b"));
}

#[test]
fn old_extensions_become_the_attributes_that_they_were_adopted_as() {
    let watch = web("x-develop: {watch: [{path: ., action: rebuild, x-initialSync: true}]}");
    watch.prints("services/web/develop/watch/0/initial_sync", json!(true));
}
