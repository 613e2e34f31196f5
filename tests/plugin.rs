//! `kubectl-compose` as a user calls it: the built binary, in a directory with Compose files.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

#[path = "plugin/config.rs"]
mod config;
#[path = "plugin/convert.rs"]
mod convert;
#[path = "plugin/project.rs"]
mod project;
#[path = "plugin/reference.rs"]
mod reference;
#[path = "plugin/report.rs"]
mod report;
#[path = "plugin/stack.rs"]
mod stack;

use std::fs;

use project::Project;

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
fn graph_shows_services_in_the_order_in_which_they_start() {
    let file = "services:\n  web:\n    image: nginx\n    depends_on:\n      db: {condition: service_healthy}\n      cache: {condition: service_started, \
                required: false}\n  cache: {image: redis}\n  db: {image: postgres}\n";
    let project = Project::new("graph", &[("compose.yaml", file)]);
    let text = "SERVICE   AFTER\ncache     \ndb        \nweb       db (healthy), cache (started, optional)\n";
    assert_eq!(project.prints(&["graph"]), text);
    let dot = project.prints(&["-p", "shop", "graph", "--format", "dot"]);
    assert!(dot.starts_with("digraph \"shop\" {\n") && dot.contains("\"web\" -> \"db\" [label=\"healthy\"];"), "{dot}");
    let mermaid = project.prints(&["graph", "--format", "mermaid", "db"]);
    assert_eq!(mermaid, "flowchart LR\n  s0[\"db\"]\n");
}
