//! `kubectl-compose` as a user calls it: the built binary, in a directory with Compose files.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde::Deserialize;
use serde_json::Value;

/// A directory with files, removed at the end.
struct Project(PathBuf);

impl Project {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("plugin").join(name);
        let _ = fs::remove_dir_all(&directory);
        for (path, text) in files {
            let file = directory.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        Self(directory)
    }

    /// Runs `kubectl-compose` with an environment that has nothing else in it.
    fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-compose"));
        command.args(arguments).current_dir(&self.0).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// What it prints, where it is expected to succeed.
    #[track_caller]
    fn prints(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments, "");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const SHOP: &str = "services:\n  web:\n    image: nginx:$TAG\n    depends_on: [db]\n  db:\n    image: postgres\n    profiles: [db]\n";

#[test]
fn config_prints_the_interpolated_project_as_json_and_as_yaml() {
    let project = Project::new("config", &[("compose.yaml", "services: {web: {image: \"nginx:${TAG}\"}}\n"), (".env", "TAG=1.27\n")]);
    let json: Value = serde_json::from_str(&project.prints(&["config", "--format", "json"])).unwrap();
    assert_eq!((&json["name"], &json["services"]["web"]["image"]), (&"config".into(), &"nginx:1.27".into()));
    let yaml: Value = serde_yaml::from_str(&project.prints(&["config"])).unwrap();
    assert_eq!(yaml["services"]["web"]["image"], "nginx:1.27");
}

#[test]
fn config_lists_names_alone() {
    let project = Project::new("list", &[("compose.yaml", SHOP)]);
    assert_eq!(project.prints(&["--profile", "db", "config", "--services"]), "web\ndb\n");
    assert_eq!(project.prints(&["--profile", "db", "config", "--profiles"]), "db\n");
    assert_eq!(project.prints(&["--profile", "db", "config", "--quiet"]), "");
}

#[test]
fn a_refused_file_exits_1_with_its_place_and_prints_nothing() {
    let project = Project::new("refused", &[("compose.yaml", "services:\n  web:\n    imgae: nginx\n")]);
    for verb in ["config", "convert"] {
        let output = project.run(&[verb], "");
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("services.web.imgae") && said.contains("compose.yaml:3:5") && said.contains("image"), "{said}");
    }
}

#[test]
fn without_a_compose_file_the_names_that_were_looked_for_are_told() {
    let directory = std::env::temp_dir().join(format!("compose-plugin-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let project = Project(directory);
    let output = project.run(&["config"], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("compose.yaml"));
}

#[test]
fn a_file_can_come_from_standard_input() {
    let project = Project::new("input", &[("other", "")]);
    let output = project.run(&["-f", "-", "-p", "shop", "config", "--images"], "services: {web: {build: .}, db: {image: postgres}}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "shop-web\npostgres\n");
}

#[test]
fn convert_prints_objects_that_kubectl_takes_with_the_files_in_them() {
    let compose = "services:\n  web:\n    image: nginx\n    volumes: [./conf:/etc/nginx/conf.d:ro]\n    ports: [\"8080:80\"]\n";
    let project = Project::new("convert", &[("compose.yaml", compose), ("conf/default.conf", "server {}\n")]);
    let objects: Vec<Value> =
        serde_yaml::Deserializer::from_str(&project.prints(&["convert"])).map(|document| Value::deserialize(document).unwrap()).collect();
    let named: Vec<String> = objects.iter().map(|object| format!("{} {}", object["kind"], object["metadata"]["name"])).collect();
    assert!(
        named.contains(&r#""Deployment" "web""#.to_owned()) && named.contains(&r#""Service" "web--published""#.to_owned()),
        "{named:?}"
    );
    assert!(objects.iter().all(|object| object["apiVersion"].is_string()));
    let files = objects.iter().find(|object| object["kind"] == "ConfigMap").unwrap();
    assert!(files["data"].as_object().unwrap().values().any(|text| text == "server {}\n"));
}

#[test]
fn convert_prints_a_list_as_json_into_a_file() {
    let project = Project::new("file", &[("compose.yaml", "services: {web: {image: nginx}}\n")]);
    assert_eq!(project.prints(&["convert", "--format=json", "--output=out.json"]), "");
    let list: Value = serde_json::from_str(&fs::read_to_string(project.0.join("out.json")).unwrap()).unwrap();
    assert_eq!(list["kind"], "List");
    assert!(!list["items"].as_array().unwrap().is_empty());
}

#[test]
fn a_name_with_an_underscore_becomes_a_legal_one() {
    let project = Project::new("name", &[("compose.yaml", "services: {web: {image: nginx, networks: [a]}}\nnetworks: {a: {}}\n")]);
    let output = project.prints(&["-p", "swarm_test", "convert"]);
    assert!(output.contains("name: swarm-test--net-a\n"), "{output}");
}
