//! `kubectl-compose convert`.

use std::fs;

use serde::Deserialize;
use serde_json::Value;

use crate::project::Project;

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

const WEB: &str = "services:\n  web:\n    image: nginx\n    ports: [\"8080:80\"]\n    secrets: [key]\nsecrets: {key: {file: key.txt}}\n";

fn names(project: &Project, directory: &str) -> Vec<String> {
    let entries = fs::read_dir(project.0.join(directory)).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_directory_gets_one_file_an_object_and_a_kustomization_that_lists_them() {
    let project = Project::new("directory", &[("compose.yaml", WEB), ("key.txt", "s3cret")]);
    assert_eq!(project.prints(&["convert", "-o", "out"]), "");
    let written = names(&project, "out");
    assert!(
        written.contains(&"deployment-web.yaml".to_owned()) && written.contains(&"service-web--published.yaml".to_owned()),
        "{written:?}"
    );
    let kustomization: Value = serde_yaml::from_str(&fs::read_to_string(project.0.join("out/kustomization.yaml")).unwrap()).unwrap();
    assert_eq!(kustomization["kind"], "Kustomization");
    let mut listed: Vec<&str> = kustomization["resources"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    listed.push("kustomization.yaml");
    listed.sort_unstable();
    assert_eq!(listed, written);
    let deployment: Value = serde_yaml::from_str(&fs::read_to_string(project.0.join("out/deployment-web.yaml")).unwrap()).unwrap();
    assert_eq!(deployment["metadata"]["name"], "web");
}

#[test]
fn secrets_in_a_directory_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::new("modes", &[("compose.yaml", WEB), ("key.txt", "s3cret")]);
    project.prints(&["convert", "-o", "out"]);
    let secret = names(&project, "out").into_iter().find(|name| name.starts_with("secret-")).unwrap();
    assert_eq!(fs::metadata(project.0.join("out").join(secret)).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_directory_of_an_earlier_run_is_made_anew_and_what_is_gone_is_removed() {
    let project = Project::new("anew", &[("compose.yaml", "services: {web: {image: nginx}, old: {image: nginx}}\n")]);
    project.prints(&["convert", "-o", "out"]);
    fs::write(project.0.join("out/mine.txt"), "mine").unwrap();
    fs::write(project.0.join("compose.yaml"), "services: {web: {image: httpd}}\n").unwrap();
    project.prints(&["convert", "-o", "out"]);
    let written = names(&project, "out");
    assert!(!written.contains(&"deployment-old.yaml".to_owned()) && written.contains(&"mine.txt".to_owned()), "{written:?}");
    assert!(fs::read_to_string(project.0.join("out/deployment-web.yaml")).unwrap().contains("httpd"));
}

#[test]
fn files_that_no_earlier_run_made_are_left_alone() {
    let files = [
        ("compose.yaml", "services: {web: {image: nginx}}\n"),
        ("a/deployment-web.yaml", "mine"),
        ("b/kustomization.yaml", "resources: []\n"),
    ];
    let project = Project::new("not-ours", &files);
    assert!(project.fails(&["convert", "-o", "a"]).contains("a/deployment-web.yaml was not made by an earlier run"));
    assert!(project.fails(&["convert", "-o", "b"]).contains("b/kustomization.yaml was not made by an earlier run"));
    assert_eq!(
        (names(&project, "a"), names(&project, "b")),
        (vec!["deployment-web.yaml".to_owned()], vec!["kustomization.yaml".to_owned()])
    );
}

#[test]
fn a_directory_of_json_holds_json() {
    let project = Project::new("json", &[("compose.yaml", "services: {web: {image: nginx}}\n")]);
    project.prints(&["convert", "--format=json", "-o", "out/"]);
    let deployment: Value = serde_json::from_str(&fs::read_to_string(project.0.join("out/deployment-web.json")).unwrap()).unwrap();
    assert_eq!(deployment["kind"], "Deployment");
}

#[test]
fn settings_and_namespace_are_those_that_the_flags_say() {
    let compose = "services: {web: {image: nginx, ports: ['8080:80'], volumes: ['data:/data']}}\nvolumes: {data: {}}\n";
    let project = Project::new("settings", &[("compose.yaml", compose)]);
    let flags = [
        "convert",
        "--format=json",
        "-n",
        "team-a",
        "--publish=LoadBalancer",
        "--network-policy=Isolated",
        "--storage-class=fast",
        "--volume-size=5Gi",
        "--volume-access-mode=ReadWriteMany",
    ];
    let list: Value = serde_json::from_str(&project.prints(&flags)).unwrap();
    let items = list["items"].as_array().unwrap();
    let of = |kind: &str, name: &str| items.iter().find(|item| item["kind"] == kind && item["metadata"]["name"] == name).unwrap();
    assert!(items.iter().all(|item| item["metadata"]["namespace"] == "team-a"));
    assert_eq!(of("Service", "web--published")["spec"]["type"], "LoadBalancer");
    assert!(items.iter().any(|item| item["kind"] == "NetworkPolicy"));
    let claim = &of("PersistentVolumeClaim", "settings-data")["spec"];
    assert_eq!((&claim["storageClassName"], &claim["resources"]["requests"]["storage"]), (&"fast".into(), &"5Gi".into()));
    assert_eq!(claim["accessModes"][0], "ReadWriteMany");
    let wrong = project.run(&["convert", "--publish=Ingress"], "");
    assert!(!wrong.status.success() && String::from_utf8_lossy(&wrong.stderr).contains("LoadBalancer"));
}

#[test]
fn the_same_project_gives_the_same_text() {
    let project = Project::new("same", &[("compose.yaml", WEB), ("key.txt", "s3cret")]);
    assert_eq!(project.prints(&["convert"]), project.prints(&["convert"]));
}
