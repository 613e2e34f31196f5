//! `kubectl-compose convert --as-stack`: the stack that is printed becomes, in the operator, what `convert` prints.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use compose_operator::api::ComposeStackSpec;
use compose_operator::cluster::{Fetched, Reference, ReferenceKind};
use compose_operator::compose::diagnostic::render_plain;
use compose_operator::compose::sources::{Options, ProjectName, Sources};
use compose_operator::controller::source::{Copies, collect};
use compose_operator::translate::{Facts, Settings, translate};
use serde_json::Value;

use crate::project::Project;

fn list(text: &str) -> Vec<Value> {
    let list: Value = serde_json::from_str(text).unwrap();
    list["items"].as_array().unwrap().clone()
}

/// The objects as the operator makes them of manifests that hold a stack and what it names.
fn operated(manifests: &[Value]) -> Vec<Value> {
    let stack = manifests.iter().find(|manifest| manifest["kind"] == "ComposeStack").unwrap();
    let spec: ComposeStackSpec = serde_json::from_value(stack["spec"].clone()).unwrap();
    let mut copies = Copies::new();
    for manifest in manifests {
        let kind = match manifest["kind"].as_str().unwrap() {
            "Secret" => ReferenceKind::Secret,
            "ConfigMap" => ReferenceKind::ConfigMap,
            _ => continue,
        };
        let mut data = BTreeMap::new();
        for (key, value) in manifest["data"].as_object().into_iter().flatten() {
            let text = value.as_str().unwrap();
            let bytes = if kind == ReferenceKind::Secret { STANDARD.decode(text).unwrap() } else { text.as_bytes().to_vec() };
            data.insert(key.clone(), bytes);
        }
        for (key, value) in manifest["binaryData"].as_object().into_iter().flatten() {
            data.insert(key.clone(), STANDARD.decode(value.as_str().unwrap()).unwrap());
        }
        let name = manifest["metadata"]["name"].as_str().unwrap();
        copies.insert(Reference::new(kind, name), Some(Fetched { data, ..Fetched::default() }));
    }
    let collected = collect(&spec, &copies).unwrap_or_else(|refusal| panic!("{}", refusal.message));
    let sources = Sources { files: &collected.files, compose_files: collected.compose_files, variables: collected.variables };
    let name = ProjectName::Resource(stack["metadata"]["name"].as_str().unwrap().to_owned());
    let loaded = compose_operator::compose::load(&sources, &Options { name, profiles: spec.profiles.clone(), ..Options::default() });
    let project = loaded.project.unwrap_or_else(|| panic!("{}", render_plain(&loaded.diagnostics, &loaded.map)));
    let settings = Settings { publish: spec.publish.unwrap_or_default(), ..Settings::default() };
    let (desired, problems) = translate(&project, &settings, &Facts::default());
    let desired = desired.unwrap_or_else(|| panic!("{}", render_plain(&problems, &loaded.map)));
    desired.objects.values().map(|object| serde_json::to_value(object).unwrap()).collect()
}

/// The stack that is packed, having checked that it becomes what `convert` prints.
#[track_caller]
fn check(project: &Project, flags: &[&str]) -> Vec<Value> {
    let run = |arguments: &[&str]| list(&project.prints(&[flags, &["convert", "--format=json"], arguments].concat()));
    let packed = run(&["--as-stack"]);
    let (expected, found) = (run(&[]), operated(&packed));
    for (expected, found) in expected.iter().zip(&found) {
        assert_eq!(serde_json::to_string_pretty(found).unwrap(), serde_json::to_string_pretty(expected).unwrap());
    }
    assert_eq!(expected.len(), found.len());
    packed
}

fn spec(manifests: &[Value]) -> &Value {
    &manifests.iter().find(|manifest| manifest["kind"] == "ComposeStack").unwrap()["spec"]
}

#[test]
fn one_file_is_the_stacks_own_text_with_the_variables_that_it_uses() {
    let compose = "services:\n  web:\n    image: nginx:${TAG:-1}\n    environment: [GREETING]\n    ports: ['8080:80']\n";
    let project = Project::new("stack-one", &[("docker-compose.yml", compose), (".env", "TAG=1.27\nGREETING=hello\nUNUSED=1\n")]);
    let packed = check(&project, &[]);
    assert_eq!(packed.len(), 1);
    assert_eq!((&packed[0]["metadata"]["name"], &spec(&packed)["compose"]), (&"stack-one".into(), &compose.into()));
    assert_eq!(spec(&packed)["variables"], serde_json::json!({"GREETING": "hello", "TAG": "1.27"}));
    assert_eq!(packed[0]["status"], Value::Null);
}

#[test]
fn directories_that_compose_would_make_travel_as_such() {
    let compose = "services: {web: {image: nginx, volumes: ['./data:/data', './nothing:/none:ro']}}\n";
    let project = Project::new("stack-directories", &[("compose.yaml", compose)]);
    let packed = check(&project, &[]);
    assert_eq!(spec(&packed)["files"], serde_json::json!({"data/": "", "nothing/": ""}));
    let missing = compose.replace("'./data:/data'", "{type: bind, source: ./data, target: /data, bind: {create_host_path: false}}");
    let strict = Project::new("stack-directories-strict", &[("compose.yaml", &missing)]);
    assert!(strict.fails(&["convert"]).contains("\"data\" is not among the stack's files"));
}

#[test]
fn everything_that_the_project_reads_travels_with_it() {
    let compose = "include: [sub/compose.yaml]
services:
  web:
    extends: {file: common.yaml, service: base}
    env_file: [web.env, {path: none.env, required: false}]
    volumes: ['./conf:/etc/conf:ro', './run.sh:/run.sh:ro']
    configs: [motd]
    secrets: [key, token]
    depends_on: [other]
configs: {motd: {file: motd.txt}}
secrets: {key: {file: key.txt}, token: {environment: TOKEN}}
";
    let files = [
        ("compose.yaml", compose),
        ("override.yaml", "services: {web: {hostname: there, profiles: [p]}}\n"),
        ("common.yaml", "services: {base: {image: 'nginx:$TAG', label_file: labels.txt}}\n"),
        ("labels.txt", "tier=front\n"),
        ("sub/compose.yaml", "services: {other: {image: 'redis:$VERSION', env_file: [more.env]}}\n"),
        ("sub/.env", "VERSION=8\n"),
        ("sub/more.env", "B=$TAG\n"),
        ("web.env", "A=1\nPASSWORD=hunter22\n"),
        ("conf/a.conf", "a\n"),
        ("conf/deep/b.conf", "b\n"),
        ("run.sh", "#!/bin/sh\n"),
        ("motd.txt", "welcome\n"),
        ("key.txt", "s3cret\n"),
        ("unused.txt", "never\n"),
        (".env", "TAG=1.27\nTOKEN=t0ken\n"),
    ];
    let project = Project::new("stack-all", &files);
    std::process::Command::new("chmod").arg("+x").arg(project.0.join("run.sh")).status().unwrap();
    let packed = check(&project, &["-f", "compose.yaml", "-f", "override.yaml", "--profile", "p"]);
    let spec = spec(&packed);
    assert_eq!(spec["composeFiles"], serde_json::json!(["compose.yaml", "override.yaml"]));
    assert_eq!(spec["profiles"], serde_json::json!(["p"]));
    let carried: Vec<&str> = spec["files"].as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "common.yaml",
        "compose.yaml",
        "conf/a.conf",
        "conf/deep/b.conf",
        "labels.txt",
        "motd.txt",
        "override.yaml",
        "run.sh",
        "sub/.env",
        "sub/compose.yaml",
    ];
    assert_eq!(carried, expected);
    assert_eq!(spec["variables"], serde_json::json!({"TAG": "1.27"}));
    assert!(!spec.to_string().contains("hunter22") && !spec.to_string().contains("t0ken") && !spec.to_string().contains("s3cret"));
    let secret = |name: &str| packed.iter().find(|manifest| manifest["kind"] == "Secret" && manifest["metadata"]["name"] == name).unwrap();
    assert_eq!(secret("stack-all--packed-secrets")["data"].as_object().unwrap().len(), 3);
    assert_eq!(secret("stack-all--packed-variables")["data"]["TOKEN"], STANDARD.encode("t0ken"));
}

#[test]
fn large_and_binary_files_travel_too() {
    let large = "x".repeat(300 << 10);
    let compose = "services: {web: {image: nginx, configs: [large, more, huge], volumes: ['./logo:/logo:ro']}}\n\
                   configs: {large: {file: large}, more: {file: more}, huge: {file: huge}}\n";
    let project = Project::new(
        "stack-large",
        &[("compose.yaml", compose), ("large", &large), ("more", &large), ("huge", &"y".repeat(800 << 10)), ("logo", "")],
    );
    std::fs::write(project.0.join("logo"), [0xff, 0xfe, 0, 1]).unwrap();
    let packed = check(&project, &[]);
    let spec = spec(&packed);
    assert_eq!(spec["binaryFiles"]["logo"], STANDARD.encode([0xff, 0xfe, 0, 1]));
    let maps: Vec<&Value> =
        packed.iter().filter(|manifest| manifest["kind"] == "ConfigMap").map(|manifest| &manifest["metadata"]["name"]).collect();
    assert_eq!(maps, ["stack-large--packed-files", "stack-large--packed-files-2"]);
    assert!(spec.to_string().len() < 200 << 10);
}

#[test]
fn a_part_of_a_stack_is_not_packed() {
    let project = Project::new("stack-part", &[("compose.yaml", "services: {web: {image: nginx}, db: {image: postgres}}\n")]);
    let said = project.fails(&["convert", "--as-stack", "web"]);
    assert!(said.contains("--as-stack packs the files as they are") && said.contains("--profile"), "{said}");
}

#[test]
fn a_file_that_fits_into_no_object_is_refused_by_name() {
    let project = Project::new(
        "stack-huge",
        &[("compose.yaml", "services: {web: {image: nginx, env_file: [huge]}}\n"), ("huge", &format!("A={}\n", "x".repeat(1 << 20)))],
    );
    let said = project.fails(&["convert", "--as-stack"]);
    assert!(said.contains("huge"), "{said}");
}

#[test]
fn a_project_from_standard_input_is_packed_as_its_text() {
    let project = Project::new("stack-input", &[("other", "")]);
    let output = project.run(&["-f", "-", "-p", "my_shop", "convert", "--as-stack", "--format=json"], "services: {web: {image: nginx}}\n");
    let packed = list(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(
        (&packed[0]["metadata"]["name"], &spec(&packed)["compose"]),
        (&"my-shop".into(), &"services: {web: {image: nginx}}\n".into())
    );
}

#[test]
fn settings_become_those_of_the_stack() {
    let project = Project::new("stack-settings", &[("compose.yaml", "services: {web: {image: nginx}}\n")]);
    let flags =
        ["convert", "--as-stack", "--format=json", "-n", "team-a", "--publish=ClusterIP", "--network-policy=Disabled", "--volume-size=5Gi"];
    let packed = list(&project.prints(&flags));
    assert_eq!(packed[0]["metadata"]["namespace"], "team-a");
    let spec = spec(&packed);
    assert_eq!((&spec["publish"], &spec["networkPolicy"]), (&"ClusterIP".into(), &"Disabled".into()));
    assert_eq!(spec["volumes"], serde_json::json!({"size": "5Gi"}));
}

#[test]
fn a_variable_that_looks_like_a_secret_is_told_without_its_value() {
    let project = Project::new(
        "stack-clear",
        &[
            ("compose.yaml", "services: {db: {image: postgres, environment: {POSTGRES_PASSWORD: $DB_PASSWORD}}}\n"),
            (".env", "DB_PASSWORD=hunter22\n"),
        ],
    );
    let output = project.run(&["convert", "--as-stack"], "");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("DB_PASSWORD stands in clear") && !said.contains("hunter22"), "{said}");
}

#[test]
fn what_the_operator_would_refuse_is_refused_before_it_is_sent() {
    let project = Project::new("stack-refused", &[("compose.yaml", "services: {web: {image: nginx, privileged: true}}\n")]);
    assert!(project.fails(&["convert", "--as-stack"]).contains("services.web.privileged"));
}
