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
