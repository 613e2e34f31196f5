//! What differs from the reference on purpose: each row of the table in docs/compose.md, tried.

use std::collections::BTreeSet;

use compose_operator::compose::model::{FileSource, Project};
use compose_operator::compose::sources::{ComposeFile, File, FileSet, Options, Sources, Variable, Variables};
use compose_operator::compose::{Loaded, load, print};
use serde_json::json;

fn read(files: &[(&str, &str)]) -> Loaded {
    let mut set = FileSet::default();
    for (path, text) in files {
        set.files.insert((*path).to_owned(), File { content: text.as_bytes().into(), ..File::default() });
    }
    let variables = Variables::from([("SET".to_owned(), Variable { value: "value".to_owned(), tainted: false })]);
    load(&Sources { files: &set, compose_files: vec![ComposeFile::Path("compose.yaml".to_owned())], variables }, &Options::default())
}

fn project(files: &[(&str, &str)]) -> Project {
    let loaded = read(files);
    let told: Vec<String> = loaded.diagnostics.iter().map(|found| format!("{}: {}", found.path, found.message)).collect();
    loaded.project.unwrap_or_else(|| panic!("refused: {told:?}"))
}

fn refused(files: &[(&str, &str)]) -> bool {
    read(files).project.is_none()
}

const ENV: &str = "services: {web: {image: nginx, env_file: [e.env]}}\n";

fn version_1() {
    let loaded = read(&[("compose.yaml", "web:\n  image: nginx\n")]);
    assert!(loaded.project.unwrap().services.contains_key("web") && loaded.diagnostics.iter().any(|found| found.code == "version-1"));
}

fn version_number() {
    for version in ["3", "3.8"] {
        project(&[("compose.yaml", &format!("version: {version}\nservices: {{web: {{image: nginx}}}}\n"))]);
    }
}

fn bare_key_at_the_end() {
    let project = project(&[("compose.yaml", ENV), ("e.env", "A=1\nSET")]);
    let variables = project.services["web"].env_files[0].variables.clone().unwrap();
    assert_eq!((variables["A"].as_str(), variables["SET"].as_str()), ("1", "value"));
}

fn nameless_variable() {
    assert!(refused(&[("compose.yaml", ENV), ("e.env", "=value\n")]));
}

fn comment_without_space() {
    assert!(refused(&[("compose.yaml", "services: {web: {image: \"nginx\"#x\n}}\n")]));
    assert!(!refused(&[("compose.yaml", "services: {web: {image: \"nginx\" #x\n}}\n")]));
}

fn config_environment_in_include() {
    let included = "configs: {c: {environment: SET}}\nsecrets: {s: {environment: SET}}\n";
    let project = project(&[("compose.yaml", "include: [sub/c.yaml]\nservices: {web: {image: nginx}}\n"), ("sub/c.yaml", included)]);
    for object in [&project.configs["c"], &project.secrets["s"]] {
        assert!(matches!(&object.source, FileSource::Environment { value: Some(value), .. } if value == "value"), "{:?}", object.source);
    }
}

fn unknown_key_in_include() {
    let files = [("sub/c.yaml", "services: {web: {image: nginx}}\n")];
    assert!(refused(&[("compose.yaml", "include: [{path: sub/c.yaml, env_files: [e.env]}]\n"), files[0]]));
    assert!(!refused(&[("compose.yaml", "include: [{path: sub/c.yaml}]\n"), files[0]]));
}

fn false_restart_in_structure() {
    let value = json!({"services": {"web": {"image": "nginx", "restart": false}}});
    let compose_files = vec![ComposeFile::Structured { name: "composeObject".to_owned(), value }];
    let loaded = load(&Sources { files: &FileSet::default(), compose_files, variables: Variables::new() }, &Options::default());
    assert_eq!(loaded.project.unwrap().services["web"].restart.as_deref(), Some("no"));
    assert!(refused(&[("compose.yaml", "services: {web: {image: nginx, restart: false}}\n")]));
}

fn web(lines: &str) -> String {
    format!("services: {{web: {{image: nginx, {lines}}}}}\n")
}

fn date_as_value() {
    for lines in ["entrypoint: 2020-01-31", "command: [2020-01-31]", "mem_limit: 2020-01-31"] {
        assert!(refused(&[("compose.yaml", &web(lines))]), "{lines}");
    }
}

fn number_out_of_range() {
    for lines in ["cpu_quota: 9223372036854775808", "mem_limit: 1e21", "pids_limit: 18446744073709551616"] {
        assert!(refused(&[("compose.yaml", &web(lines))]), "{lines}");
    }
    assert!(!refused(&[("compose.yaml", &web("cpu_quota: 9223372036854775807"))]));
}

fn list_in_override() {
    for (lines, other) in
        [("build: .", "build: []"), ("labels: {a: b}", "labels: {a: [c]}"), ("environment: {A: b}", "environment: {A: {c: d}}")]
    {
        let text = format!("{}---\nservices: {{web: {{{other}}}}}\n", web(lines));
        assert!(refused(&[("compose.yaml", &text)]), "{text}");
    }
}

fn extension_among_keys() {
    let web = &project(&[("compose.yaml", &web("labels: {x-a: b}, environment: {x-c: d}"))]).services["web"];
    assert_eq!((web.labels["x-a"].as_str(), web.environment["x-c"].as_deref()), ("b", Some("d")));
}

fn port_in_quotes() {
    let text = web("ports: [{target: 80, published: 80}]") + "---\nservices: {web: {ports: [{target: 80, published: '80'}]}}\n";
    assert_eq!(project(&[("compose.yaml", &text)]).services["web"].ports.len(), 1);
}

fn yaml_1_2() {
    let text = web("command: [\"\\/\\ud83d\\ude00\", \"a\u{2028}b\", !!null]").replace(", !!null", "") + "x-a: [!!null]\n";
    let project = project(&[("compose.yaml", &text)]);
    assert_eq!(project.services["web"].command, compose_operator::compose::model::Command::Words(vec!["/😀".into(), "a\u{2028}b".into()]));
}

fn bytes_as_text() {
    assert!(refused(&[("compose.yaml", &web("user: !!binary gICA"))]));
    assert_eq!(project(&[("compose.yaml", &web("user: !!binary cm9vdA=="))]).services["web"].user.as_deref(), Some("root"));
}

fn printed(text: &str) -> String {
    let options = print::Options { format: print::Format::Yaml, ..print::Options::default() };
    print::text(&print::value(&project(&[("compose.yaml", text)]), &options), print::Format::Yaml)
}

fn job_name() {
    let text = printed("jobs: {once: {image: nginx, triggers: {manual: true}}}\nservices: {web: {image: nginx}}\n");
    assert!(text.contains("once:") && !text.contains("name: once"), "{text}");
}

fn printed_date() {
    let text = printed(&(web("environment: {A: 2001-01-01}") + "x-day: 2001-01-01\n"));
    assert!(text.contains("x-day: \"2001-01-01T00:00:00Z\"\n") && text.contains("A: 2001-01-01 00:00:00 +0000 UTC\n"), "{text}");
}

fn reset_in_merge_list() {
    let text = "x-a: &a {image: nginx, ports: ['80']}\nx-b: &b {ports: !reset []}\nservices: {web: {<<: [*b, *a]}}\n";
    assert!(project(&[("compose.yaml", text)]).services["web"].ports.is_empty());
}

/// Every difference by its name in the docs.
pub const DIFFERENCES: [(&str, fn()); 18] = [
    ("version-1", version_1),
    ("version-number", version_number),
    ("bare-key-at-the-end", bare_key_at_the_end),
    ("nameless-variable", nameless_variable),
    ("comment-without-space", comment_without_space),
    ("config-environment-in-include", config_environment_in_include),
    ("false-restart-in-structure", false_restart_in_structure),
    ("unknown-key-in-include", unknown_key_in_include),
    ("date-as-value", date_as_value),
    ("number-out-of-range", number_out_of_range),
    ("list-in-override", list_in_override),
    ("extension-among-keys", extension_among_keys),
    ("port-in-quotes", port_in_quotes),
    ("yaml-1.2", yaml_1_2),
    ("bytes-as-text", bytes_as_text),
    ("job-name", job_name),
    ("printed-date", printed_date),
    ("reset-in-merge-list", reset_in_merge_list),
];

#[test]
fn every_difference_is_in_the_docs_and_every_row_of_the_docs_is_tried() {
    let docs = include_str!("../../docs/compose.md").split_once("\n## What differs").unwrap().1;
    let rows: BTreeSet<&str> = docs.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert_eq!(rows, DIFFERENCES.iter().map(|(name, _)| *name).collect());
    for (_, check) in DIFFERENCES {
        check();
    }
}
