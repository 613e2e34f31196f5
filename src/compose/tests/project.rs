use std::time::Duration;

use serde_json::json;

use crate::compose::model::{
    Command, DependencyCondition, DeployMode, EndpointMode, FileSource, HealthcheckTest, MountKind, RestartCondition, Ulimit, UpdateOrder,
};
use crate::compose::sources::{ComposeFile, FileSet, Options, ProjectName, Sources, Variables};
use crate::compose::{load, print};

use super::{Try, web};

#[test]
fn short_forms_are_read_as_their_long_forms() {
    let project = web("ports: ['127.0.0.1:8080-8081:80-81/udp', 53]\nvolumes: ['./conf:/etc/conf:ro', /anon]\ncommand: run --now 'a b'\nhealthcheck: {test: curl -f x, interval: 1m30s}").project();
    let web = &project.services["web"];
    assert_eq!(web.ports.len(), 3);
    let first = &web.ports[0];
    assert_eq!(
        (first.host_ip.as_deref(), first.published.as_deref(), first.target, first.protocol.as_str()),
        (Some("127.0.0.1"), Some("8080"), 80, "udp")
    );
    assert_eq!((web.ports[2].published.as_deref(), web.ports[2].target), (None, 53));
    let bind = &web.volumes[0];
    assert_eq!(
        (bind.kind, bind.source.as_deref(), bind.target.as_str(), bind.read_only),
        (MountKind::Bind, Some("conf"), "/etc/conf", true)
    );
    assert!(bind.bind_create_host_path);
    assert_eq!((web.volumes[1].kind, web.volumes[1].source.as_deref()), (MountKind::Volume, None));
    assert_eq!(web.command, Command::Words(["run", "--now", "a b"].map(str::to_owned).to_vec()));
    let check = web.healthcheck.as_ref().unwrap();
    assert_eq!((check.test.clone(), check.interval), (Some(HealthcheckTest::Shell("curl -f x".to_owned())), Some(Duration::from_secs(90))));
}

#[test]
fn deploy_is_read_in_full() {
    let lines = "deploy:
  mode: global
  endpoint_mode: dnsrr
  update_config: {parallelism: 2, delay: 10s, order: start-first}
  restart_policy: {condition: on-failure, max_attempts: 3}
  resources: {limits: {cpus: '0.50', memory: 50M}, reservations: {memory: 20m}}
  placement: {constraints: [node.role==manager], max_replicas_per_node: 2}";
    let deploy = web(lines).project().services["web"].deploy.clone().unwrap();
    assert_eq!((deploy.mode, deploy.endpoint_mode), (DeployMode::Global, Some(EndpointMode::Dnsrr)));
    let update = deploy.update_config.unwrap();
    assert_eq!((update.parallelism, update.delay, update.order), (Some(2), Some(Duration::from_secs(10)), Some(UpdateOrder::StartFirst)));
    let restart = deploy.restart_policy.unwrap();
    assert_eq!((restart.condition, restart.max_attempts), (Some(RestartCondition::OnFailure), Some(3)));
    assert_eq!((deploy.limits.cpus, deploy.limits.memory, deploy.reservations.memory), (Some(0.5), Some(50 << 20), Some(20 << 20)));
    assert_eq!((deploy.placement_constraints, deploy.max_replicas_per_node), (vec!["node.role==manager".to_owned()], Some(2)));
}

#[test]
fn limits_and_modes_are_numbers() {
    let found = web("ulimits: {nofile: 5, nproc: {soft: 1, hard: 2}}\nsecrets: [{source: s, mode: '0440'}]\nshm_size: 1g")
        .merged("s.yaml", "secrets: {s: {file: ./s}}");
    let project = found.project();
    let web = &project.services["web"];
    assert_eq!((web.ulimits["nofile"], web.ulimits["nproc"]), (Ulimit { soft: 5, hard: 5 }, Ulimit { soft: 1, hard: 2 }));
    assert_eq!((web.secrets[0].mode, web.shm_size), (Some(0o440), Some(1 << 30)));
    assert_eq!(project.secrets["s"].source, FileSource::File("s".to_owned()));
    found.prints("services/web/secrets/0/mode", json!("0440"));
}

#[test]
fn links_shared_namespaces_and_volumes_imply_dependencies() {
    let found = Try::of(
        "services: {a: {image: x, links: ['b:bee'], network_mode: service:c, volumes_from: ['d:ro']}, b: {image: x}, c: {image: x}, d: {image: x}}",
    );
    let project = found.project();
    let depends_on = &project.services["a"].depends_on;
    let read: Vec<_> = depends_on.iter().map(|(name, on)| (name.as_str(), on.condition, on.restart)).collect();
    let started = DependencyCondition::Started;
    assert_eq!(read, [("b", started, true), ("c", started, true), ("d", started, false)]);
    assert!(project.services["a"].networks.is_empty());
    assert_eq!(project.networks.keys().collect::<Vec<_>>(), ["default"]);
}

#[test]
fn hooks_inherit_from_their_service() {
    let found = web("environment: {A: 1}\nuser: me\nvolumes: [/data]\npre_start: [{command: [migrate], environment: {B: 2}}]");
    found.prints("services/web/pre_start/0/environment", json!({"A": "1", "B": "2"}));
    found.prints("services/web/pre_start/0/image", json!("nginx"));
    found.prints("services/web/pre_start/0/volumes", json!(null));
    found.prints("services/web/pre_start/0/command", json!(["migrate"]));
}

#[test]
fn a_resource_gives_the_project_its_name_and_the_file_only_the_variable() {
    let mut found = Try::of("name: other\nservices: {web: {image: \"$COMPOSE_PROJECT_NAME\"}}");
    found.options.name = ProjectName::Resource("shop".to_owned());
    let project = found.project();
    assert_eq!((project.name.as_str(), project.services["web"].image.as_deref()), ("shop", Some("other")));
    assert_eq!(project.networks["default"].name, "shop_default");
    let mut found = Try::of("services: {web: {image: \"$COMPOSE_PROJECT_NAME\"}}");
    found.options.name = ProjectName::Resource("shop".to_owned());
    assert_eq!(found.project().services["web"].image.as_deref(), Some("shop"));
}

#[test]
fn every_node_knows_where_it_stands() {
    let found = Try::of("services:\n  web:\n    image: nginx\n    ports:\n      - '80:80'\n");
    let loaded = found.load();
    let project = loaded.project.unwrap();
    let line = |path: &str| loaded.map.position(project.position(path).unwrap()).unwrap().line;
    assert_eq!(line("services.web.image"), 3);
    assert_eq!(line("services.web.ports[0].target"), 5);
    assert_eq!(line("services.web.deploy.replicas"), line("services.web"), "what nobody wrote stands where the service does");
}

#[test]
fn mounted_files_come_with_the_project() {
    let found = web("volumes: ['./conf:/etc/conf', './one.txt:/one', '/srv/motd:/m', '~/home:/h', './none:/n']\nconfigs: [c]")
        .merged("c.yaml", "configs: {c: {file: ./c.txt}}")
        .file("conf/a", "a")
        .file("conf/deep/b", "b")
        .file("one.txt", "1")
        .file("c.txt", "c")
        .file("/srv/motd", "hello")
        .file("~/home", "never")
        .file("other", "o");
    assert_eq!(found.project().files.files.keys().collect::<Vec<_>>(), ["/srv/motd", "c.txt", "conf/a", "conf/deep/b", "one.txt"]);
}

#[test]
fn a_structured_file_is_read_as_its_text_would_be() {
    let value = json!({"services": {"web": {"image": "nginx", "ports": ["80:80"], "restart": "no"}}});
    let files = FileSet::default();
    let compose_files = vec![ComposeFile::Structured { name: "composeObject".to_owned(), value }];
    let options = Options { name: ProjectName::Resource("shop".to_owned()), ..Options::default() };
    let loaded = load(&Sources { files: &files, compose_files, variables: Variables::new() }, &options);
    let project = loaded.project.unwrap();
    assert_eq!(project.services["web"].ports[0].target, 80);
}

#[test]
fn restart_no_may_have_become_a_boolean_on_the_way() {
    let value = json!({"services": {"web": {"image": "nginx", "restart": false}}});
    let files = FileSet::default();
    let compose_files = vec![ComposeFile::Structured { name: "composeObject".to_owned(), value }];
    let loaded = load(&Sources { files: &files, compose_files, variables: Variables::new() }, &Options::default());
    assert_eq!(loaded.project.unwrap().services["web"].restart.as_deref(), Some("no"));
}

#[test]
fn the_yaml_form_holds_extensions_and_models_and_the_json_form_does_not() {
    let found = web("x-note: here").merged("b.yaml", "models: {m: {model: ai/x}}\nx-top: 1");
    let project = found.project();
    let printed = |format| print::value(&project, &print::Options { format, ..print::Options::default() });
    let (json_form, yaml_form) = (printed(print::Format::Json), printed(print::Format::Yaml));
    assert_eq!(
        (&json_form["services"]["web"]["x-note"], &json_form["models"], &json_form["x-top"]),
        (&json!(null), &json!(null), &json!(1))
    );
    assert_eq!(
        (&yaml_form["services"]["web"]["x-note"], &yaml_form["models"]["m"]["model"], &yaml_form["x-top"]),
        (&json!("here"), &json!("ai/x"), &json!(1))
    );
}

#[test]
fn printed_dollars_are_doubled_and_paths_made_absolute() {
    let found = web("command: echo $$HOME\nvolumes: ['./a:/a']");
    let printed =
        print::value(&found.project(), &print::Options { working_dir: Some("/home/ada/shop".to_owned()), ..print::Options::default() });
    assert_eq!(printed["services"]["web"]["command"], json!(["echo", "$$HOME"]));
    assert_eq!(printed["services"]["web"]["volumes"][0]["source"], json!("/home/ada/shop/a"));
}
