//! `kubectl-compose report`: the fate of each key, the score, the exit code, and the JSON form, which is stable.

use serde_json::Value;

use crate::project::Project;

const MIXED: &str = "services:
  web:
    image: nginx
    use_api_socket: true
    ulimits: {nofile: 1024}
    ports: [\"8080:80\"]
    develop: {watch: [{path: ., action: rebuild}]}
    credential_spec: {file: spec.json}
";

fn json(project: &Project, flags: &[&str]) -> Value {
    let output = project.run(&[&["report", "--format=json"], flags].concat(), "");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_key_that_is_not_plainly_applied_is_listed_with_its_line_and_why() {
    let project = Project::new("report", &[("compose.yaml", MIXED)]);
    let text = project.prints(&["report"]);
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "../snapshots" }, {
        insta::assert_snapshot!("report-text", text);
    });
}

#[test]
fn the_json_form_is_stable() {
    let project =
        Project::new("report-json", &[("compose.yaml", MIXED), ("compose.override.yaml", "services: {web: {cgroup_parent: a}}\n")]);
    let text = project.prints(&["report", "--format=json"]);
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "../snapshots" }, {
        insta::assert_snapshot!("report-json", text);
    });
}

#[test]
fn all_refused_keys_are_listed_at_once() {
    let project = Project::new("report-refused", &[("compose.yaml", MIXED)]);
    let report = json(&project, &[]);
    let refused: Vec<&str> = report["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["fate"] == "refused")
        .map(|entry| entry["path"].as_str().unwrap())
        .collect();
    assert!(["services.web.use_api_socket", "services.web.credential_spec"].iter().all(|path| refused.contains(path)), "{refused:?}");
    assert_eq!(report["entries"][0]["fate"], "refused");
}

#[test]
fn a_file_whose_keys_are_all_applied_scores_100() {
    let compose = "services: {web: {image: nginx, ports: ['8080:80'], depends_on: [db]}, db: {image: postgres, volumes: ['data:/var/lib/postgresql']}}\nvolumes: {data: {}}\n";
    let project = Project::new("report-whole", &[("compose.yaml", compose)]);
    assert_eq!(
        project.prints(&["report", "--strict", "--publish=LoadBalancer"]),
        "100 % of 6 keys are kept: 6 applied, 0 without need of effect, 0 warned, 0 refused\n"
    );
    assert_eq!(json(&project, &["--publish=LoadBalancer"])["score"], 100);
}

#[test]
fn strict_exits_1_where_anything_is_lost() {
    let dropped = Project::new("report-strict", &[("compose.yaml", "services: {web: {image: nginx, mac_address: '02:42:ac:11:00:02'}}\n")]);
    assert_eq!(dropped.run(&["report"], "").status.code(), Some(0));
    let strict = dropped.run(&["report", "--strict"], "");
    assert_eq!(strict.status.code(), Some(1));
    assert!(String::from_utf8(strict.stdout).unwrap().contains("services.web.mac_address"));
    let silent = Project::new("report-silent", &[("compose.yaml", "services: {web: {image: nginx, attach: false}}\n")]);
    assert_eq!(silent.run(&["report", "--strict"], "").status.code(), Some(0));
}

#[test]
fn files_that_are_no_project_are_reported_with_their_errors_and_exit_1() {
    let project = Project::new("report-wrong", &[("compose.yaml", "services:\n  web:\n    imgae: nginx\n  db:\n    image: 1\n")]);
    assert_eq!(project.run(&["report"], "").status.code(), Some(1));
    let report = json(&project, &[]);
    assert_eq!((&report["project"], &report["score"]), (&Value::Null, &0.into()));
    let first = &report["entries"][0];
    assert_eq!((&first["path"], &first["change"], &first["at"]["line"]), (&"services.web.imgae".into(), &"write image".into(), &3.into()));
    assert_eq!(report["entries"].as_array().unwrap().len(), 2 + usize::from(report["entries"].as_array().unwrap().len() > 2));
}

#[test]
fn a_merged_value_is_reported_with_both_places() {
    let files = [
        ("compose.yaml", "services:\n  web:\n    image: nginx\n    cgroup_parent: a\n"),
        ("compose.override.yaml", "services:\n  web:\n    cgroup_parent: b\n"),
    ];
    let report = json(&Project::new("report-merged", &files), &[]);
    let entry = &report["entries"][0];
    assert_eq!(
        (&entry["at"]["file"], &entry["also"][0]["file"], &entry["also"][0]["line"]),
        (&"compose.override.yaml".into(), &"compose.yaml".into(), &4.into())
    );
}

#[test]
fn a_policy_judges_the_report_as_it_would_the_stack() {
    let files = [("compose.yaml", "services: {web: {image: nginx, privileged: true}}\n"), ("policy.yaml", "privileged: true\n")];
    let project = Project::new("report-policy", &files);
    let entries = |arguments: &[&str]| json(&project, arguments)["entries"].as_array().unwrap().clone();
    let refused = entries(&[]);
    assert_eq!((&refused[0]["path"], &refused[0]["fate"]), (&"services.web.privileged".into(), &"refused".into()));
    assert_eq!(entries(&["--policy", "policy.yaml"]), Vec::<Value>::new());
    let missing = project.run(&["report", "--policy", "missing.yaml"], "");
    assert!(String::from_utf8(missing.stderr).unwrap().contains("missing.yaml"));
}
