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
