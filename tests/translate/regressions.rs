//! Defects that converters of Compose files are known for: one test each.

use compose_operator::compose::sources::Variable;
use serde_json::{Value, json};

use crate::support::{Stack, problems};

/// What a stack becomes, by kind and name.
struct Made(Vec<Value>);

impl Made {
    #[track_caller]
    fn of(stack: &Stack) -> Self {
        Self(stack.desired().objects.values().map(|object| serde_json::to_value(object).unwrap()).collect())
    }

    /// Of services in a file's flow or block form.
    #[track_caller]
    fn services(text: &str) -> Self {
        Self::of(&Stack::of(text))
    }

    fn find(&self, kind: &str, name: &str) -> Option<&Value> {
        self.0.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
    }

    #[track_caller]
    fn get(&self, kind: &str, name: &str) -> &Value {
        self.find(kind, name).unwrap_or_else(|| panic!("there is no {kind} {name}"))
    }

    /// The pod's spec of a Deployment.
    #[track_caller]
    fn pod(&self, name: &str) -> &Value {
        &self.get("Deployment", name)["spec"]["template"]["spec"]
    }

    #[track_caller]
    fn container(&self, name: &str) -> &Value {
        &self.pod(name)["containers"][0]
    }

    fn kinds(&self, kind: &str) -> Vec<&Value> {
        self.0.iter().filter(|object| object["kind"] == kind).collect()
    }
}

#[test]
fn the_port_inside_the_cluster_is_the_containers_not_the_published_one() {
    let made = Made::services("services: {web: {image: example, ports: ['8080:80']}}");
    let ports = &made.get("Service", "web")["spec"]["ports"];
    assert_eq!((ports.as_array().unwrap().len(), &ports[0]["port"], &ports[0]["targetPort"]), (1, &json!(80), &json!(80)));
    let published = &made.get("Service", "web--published")["spec"]["ports"][0];
    assert_eq!((&published["port"], &published["targetPort"]), (&json!(8080), &json!(80)));
}

#[test]
fn a_healthcheck_is_readiness_in_a_shell_with_composes_times_and_kills_nothing() {
    let made = Made::services("services: {web: {image: example, healthcheck: {test: 'curl -f http://localhost || exit 1'}}}");
    let container = made.container("web");
    assert_eq!(container["livenessProbe"], Value::Null);
    let probe = &container["readinessProbe"];
    assert_eq!(probe["exec"]["command"], json!(["/bin/sh", "-c", "curl -f http://localhost || exit 1"]));
    assert_eq!((&probe["periodSeconds"], &probe["timeoutSeconds"], &probe["failureThreshold"]), (&json!(30), &json!(30), &json!(3)));
}

#[test]
fn a_named_volume_is_one_disk_for_all_replicas_and_services() {
    let made = Made::services(
        "services:\n  db: {image: example, deploy: {replicas: 3}, volumes: ['data:/data']}\n  backup: {image: example, volumes: ['data:/from:ro']}\nvolumes: {data: {}}\n",
    );
    let claims = made.kinds("PersistentVolumeClaim");
    assert_eq!(claims.iter().map(|claim| &claim["metadata"]["name"]).collect::<Vec<_>>(), ["app-data"]);
    assert_eq!(claims[0]["spec"]["accessModes"], json!(["ReadWriteOnce"]), "a mount that can't write asks for nothing else");
    for service in ["db", "backup"] {
        let volumes = made.pod(service)["volumes"].as_array().unwrap();
        assert!(volumes.iter().any(|volume| volume["persistentVolumeClaim"]["claimName"] == "app-data"), "{service}");
    }
    assert!(made.kinds("StatefulSet").is_empty());
}

#[test]
fn replicas_of_deploy_are_kept_and_none_is_none() {
    let made = Made::services("services: {a: {image: example, deploy: {replicas: 3}}, b: {image: example, deploy: {replicas: 0}}}");
    assert_eq!(
        (&made.get("Deployment", "a")["spec"]["replicas"], &made.get("Deployment", "b")["spec"]["replicas"]),
        (&json!(3), &json!(0))
    );
}

#[test]
fn a_deployments_pods_always_restart_whatever_the_policy() {
    for policy in ["on-failure", "'on-failure:3'", "unless-stopped", "always"] {
        let made = Made::services(&format!("services: {{web: {{image: example, restart: {policy}}}}}"));
        let policy = &made.pod("web")["restartPolicy"];
        assert!(policy.is_null() || policy == "Always", "{policy}");
    }
}

#[test]
fn a_service_that_runs_once_is_a_job_with_its_configs() {
    let made = Made::services("services: {migrate: {image: example, restart: 'no', configs: [c]}}\nconfigs: {c: {content: hello}}");
    let jobs = made.kinds("Job");
    assert_eq!((jobs.len(), made.kinds("Pod").len()), (1, 0));
    let pod = &jobs[0]["spec"]["template"]["spec"];
    assert!(pod["containers"][0]["volumeMounts"].as_array().unwrap().iter().any(|mount| mount["mountPath"] == "/c"));
}

#[test]
fn limits_alone_do_not_become_requests() {
    let made = Made::services("services: {web: {image: example, deploy: {resources: {limits: {cpus: '4', memory: 8g}}}}}");
    let resources = &made.container("web")["resources"];
    assert_eq!((&resources["limits"]["cpu"], &resources["limits"]["memory"]), (&json!("4"), &json!("8589934592")));
    assert!(resources["requests"]["cpu"] != resources["limits"]["cpu"] && resources["requests"]["memory"] != resources["limits"]["memory"]);
    assert!(resources["requests"]["cpu"].is_string() && resources["requests"]["memory"].is_string());
}

#[test]
fn fifty_megabytes_are_composes_and_not_kubernetes() {
    let made = Made::services("services: {web: {image: example, mem_limit: 50M}}");
    assert_eq!(made.container("web")["resources"]["limits"]["memory"], "52428800");
}

#[test]
fn dollars_reach_the_program_as_they_are_meant() {
    let made = Made::services(
        "services:\n  web:\n    image: example\n    command: [sh, -c, 'echo $$HOME $$(date)']\n    environment: {PRICE: '5$$ or $$(A)'}\n    \
         healthcheck: {test: [CMD, test, '$$A']}\n    post_start: [{command: [touch, '$$(A)']}]\n",
    );
    // The kubelet folds every pair to one and expands $(NAME): both are doubled, but not in handlers, which it leaves alone.
    let container = made.container("web");
    assert_eq!(container["args"][2], "echo $$HOME $$(date)");
    let price = container["env"].as_array().unwrap().iter().find(|variable| variable["name"] == "PRICE").unwrap();
    assert_eq!(price["value"], "5$$ or $$(A)");
    assert_eq!(container["readinessProbe"]["exec"]["command"][1], "$$A");
    assert_eq!(container["lifecycle"]["postStart"]["exec"]["command"][1], "$(A)");
}

#[test]
fn environment_beats_env_files() {
    let stack =
        Stack::of("services: {web: {image: example, env_file: [e.env], environment: {A: own}}}").with_file("e.env", "A=file\nB=file\n");
    let made = Made::of(&stack);
    let container = made.container("web");
    // Of the two, Kubernetes lets `env` win over `envFrom`.
    assert_eq!(container["env"], json!([{"name": "A", "value": "own"}]));
    assert_eq!(container["envFrom"].as_array().unwrap().len(), 1);
}

#[test]
fn a_variable_without_value_is_the_shells_or_left_out() {
    let mut stack = Stack::of("services: {web: {image: example, environment: [SET, UNSET]}}");
    stack.variables.insert("SET".to_owned(), Variable { value: "value".to_owned(), tainted: false });
    assert_eq!(Made::of(&stack).container("web")["env"], json!([{"name": "SET", "value": "value"}]));
}

#[test]
fn secrets_stand_where_the_program_looks_for_them() {
    let text = "services: {db: {image: example, environment: {FILE: /run/secrets/db_password}, secrets: [db_password]}}\nsecrets: {db_password: {file: p}}\n";
    let made = Made::of(&Stack::of(text).with_file("p", "s3cret"));
    let container = made.container("db");
    assert!(container["volumeMounts"].as_array().unwrap().iter().any(|mount| mount["mountPath"] == "/run/secrets/db_password"));
    assert_eq!(container["env"][0]["value"], "/run/secrets/db_password");
}

#[test]
fn modes_of_configs_are_octal() {
    for mode in ["0440", "'0440'", "0o440"] {
        let text =
            format!("services: {{web: {{image: example, configs: [{{source: c, mode: {mode}}}]}}}}\nconfigs: {{c: {{content: hello}}}}\n");
        let made = Made::services(&text);
        let volume = made.pod("web")["volumes"].as_array().unwrap().iter().find(|volume| volume["configMap"].is_object()).unwrap().clone();
        assert_eq!(volume["configMap"]["items"][0]["mode"], 0o440, "{mode}");
    }
}

#[test]
fn a_published_port_stays_open_beside_a_policy_of_the_network() {
    let made = Made::services(
        "services: {a: {image: example, networks: [n], ports: ['8080:80']}, b: {image: example, networks: [n]}}\nnetworks: {n: {}}",
    );
    let policies = made.kinds("NetworkPolicy");
    let open = policies.iter().find(|policy| policy["metadata"]["name"] == "a--published").unwrap();
    let rule = &open["spec"]["ingress"][0];
    assert_eq!((&rule["from"], &rule["ports"][0]["port"]), (&Value::Null, &json!(80)));
    let network = policies.iter().find(|policy| policy["metadata"]["name"] == "app--net-n").unwrap();
    assert!(network["spec"]["ingress"][0]["from"].is_array() && network["spec"]["ingress"][0]["ports"].is_null());
}

#[test]
fn a_volume_of_one_letter_is_not_taken_for_a_windows_drive_in_silence() {
    let (desired, told) = problems(&Stack::of("services: {web: {image: example, volumes: ['v:/d']}}\nvolumes: {v: {}}"));
    assert!(desired.is_none() && told.contains("one-letter names need the long syntax"), "{told}");
}

#[test]
fn a_port_on_the_loopback_address_is_not_exposed() {
    let made = Made::services("services: {web: {image: example, ports: ['127.0.0.1:8080:80', '[::1]:8081:81']}}");
    assert!(made.find("Service", "web--published").is_none());
    assert_eq!(made.get("Service", "web")["spec"]["type"], "ClusterIP");
}

#[test]
fn a_service_without_ports_has_a_name_and_a_well_known_image_an_address() {
    let made = Made::services("services: {worker: {image: example}, cache: {image: 'redis:8'}}");
    let worker = &made.get("Service", "worker")["spec"];
    assert_eq!((&worker["clusterIP"], &worker["publishNotReadyAddresses"]), (&json!("None"), &json!(true)));
    assert_eq!(made.get("Service", "cache")["spec"]["ports"][0]["port"], 6379);
}

#[test]
fn a_fresh_volume_is_filled_from_the_image_and_has_no_lost_and_found() {
    let made = Made::services("services: {db: {image: example, volumes: ['data:/var/lib/data']}}\nvolumes: {data: {}}");
    let mount = made.container("db")["volumeMounts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|mount| mount["mountPath"] == "/var/lib/data")
        .unwrap()
        .clone();
    assert_eq!(mount["subPath"], "data");
    let steps = made.pod("db")["initContainers"].as_array().unwrap();
    assert!(steps.iter().any(|step| step["volumeMounts"].to_string().contains(mount["name"].as_str().unwrap())), "{steps:?}");
}

#[test]
fn a_container_has_ten_seconds_to_stop_and_no_links_to_every_service() {
    let made = Made::services("services: {worker: {image: example, network_mode: none}}");
    let pod = made.pod("worker");
    assert_eq!(pod["terminationGracePeriodSeconds"], 10);
    assert_eq!((&pod["enableServiceLinks"], &pod["automountServiceAccountToken"]), (&json!(false), &json!(false)));
}

#[test]
fn parallel_updates_freeze_no_replica() {
    let made =
        Made::services("services: {web: {image: example, deploy: {replicas: 4, update_config: {parallelism: 2, order: stop-first}}}}");
    assert!(made.kinds("StatefulSet").is_empty());
    let strategy = &made.get("Deployment", "web")["spec"]["strategy"]["rollingUpdate"];
    assert_eq!((&strategy["maxSurge"], &strategy["maxUnavailable"]), (&json!(0), &json!(2)));
}

#[test]
fn a_name_that_dns_cannot_carry_is_kept_for_those_that_ask_for_it() {
    let made = Made::services(
        "services: {web: {image: example, environment: {HOST: mysql_container}, depends_on: [db]}, db: {image: 'mysql:8', container_name: mysql_container}}",
    );
    assert_eq!(made.container("web")["env"][0]["value"], "mysql_container");
    let steps = made.pod("web")["initContainers"].to_string();
    assert!(steps.contains("mysql_container"), "{steps}");
}

#[test]
fn aliases_and_links_keep_their_names() {
    let made = Made::services(
        "services: {web: {image: example, links: ['db:database']}, db: {image: 'redis:8', networks: {default: {aliases: [store]}}}}",
    );
    assert!(made.find("Service", "store").is_some());
    assert!(made.find("Service", "database").is_some() || made.pod("web")["initContainers"].to_string().contains("database"));
}

#[test]
fn an_internal_network_has_no_way_out_but_its_published_ports_stay() {
    let made = Made::services("services: {web: {image: example, networks: [n], ports: ['8080:80']}}\nnetworks: {n: {internal: true}}");
    let closed = made.kinds("NetworkPolicy").into_iter().find(|policy| policy["spec"]["policyTypes"].to_string().contains("Egress"));
    assert!(closed.is_some_and(|policy| policy["spec"]["egress"].is_array()));
    assert!(made.find("NetworkPolicy", "web--published").is_some());
}
