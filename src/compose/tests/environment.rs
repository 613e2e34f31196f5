use serde_json::json;

use super::{Try, web};

#[test]
fn env_files_stand_under_environment_and_later_over_earlier() {
    let found = web("env_file: [a.env, b.env]\nenvironment: {C: own}").file("a.env", "A=a\nB=a\nC=a").file("b.env", "B=b");
    found.prints("services/web/environment", json!({"A": "a", "B": "b", "C": "own"}));
    found.prints("services/web/env_file", json!(null));
    let service = &found.project().services["web"];
    assert_eq!(service.environment.len(), 1, "the model keeps them apart");
    assert_eq!(service.env_files[1].variables.as_ref().unwrap()["B"], "b");
}

#[test]
fn a_pre_start_hook_has_the_env_files_of_its_service() {
    let found = web("env_file: [a.env]\npre_start: [{command: [migrate], environment: {B: own}}]").file("a.env", "A=a\nB=a");
    found.prints("services/web/pre_start/0/environment", json!({"A": "a", "B": "own"}));
    found.prints("services/web/pre_start/0/env_file", json!(null));
}

#[test]
fn a_missing_env_file_is_refused_unless_it_may_be_missing() {
    web("env_file: no.env").refused(&["services.web.env_file[0]: there is no env file no.env"]);
    let project = web("env_file: [{path: no.env, required: false}]").project();
    assert_eq!(project.services["web"].env_files[0].variables, None);
}

#[test]
fn a_raw_env_file_is_taken_as_it_is() {
    let found = web("env_file: [{path: a.env, format: raw}]").file("a.env", "A=\"$B\"");
    found.prints("services/web/environment", json!({"A": "\"$$B\""}));
    web("env_file: [{path: a.env, format: yaml}]")
        .file("a.env", "A=1")
        .refused(&["services.web.env_file[0].format: is no format of an env file; the only one that has a name is raw"]);
}

#[test]
fn variables_in_env_files_come_from_outside_then_the_service_then_earlier_files() {
    let found = web("env_file: [a.env, b.env]\nenvironment: {S: service, V: service}")
        .file("a.env", "F=file")
        .file("b.env", "X=$V-$S-$F")
        .variable("V", "outside");
    found.prints("services/web/environment/X", json!("outside-service-file"));
}

#[test]
fn a_key_without_value_takes_the_variable_of_its_name() {
    let found = web("environment: {A: , B: }").variable("A", "outside");
    found.prints("services/web/environment", json!({"A": "outside", "B": null}));
    let found = web("environment: [A, B]").variable("A", "outside");
    found.prints("services/web/environment", json!({"A": "outside", "B": null}));
    assert_eq!(found.project().services["web"].environment["B"], None);
}

#[test]
fn dot_env_of_the_project_directory_stands_under_the_variables() {
    let found = Try::of("services: {web: {image: \"$A-$B\"}}").file(".env", "A=file\nB=file").variable("A", "outside");
    found.prints("services/web/image", json!("outside-file"));
}

#[test]
fn label_files_stand_under_labels() {
    let found = web("label_file: [a.labels]\nlabels: {a: own}").file("a.labels", "a=file\nb=file");
    found.prints("services/web/labels", json!({"a": "own", "b": "file"}));
    assert_eq!(found.project().services["web"].labels["b"], "file");
}

#[test]
fn configs_and_secrets_may_come_from_variables() {
    use crate::compose::model::FileSource;
    let text = "services: {web: {image: x, configs: [c], secrets: [s]}}\nconfigs: {c: {environment: C}}\nsecrets: {s: {environment: S}}";
    let project = Try::of(text).variable("C", "text").project();
    let expected = FileSource::Environment { variable: "C".to_owned(), value: Some("text".to_owned()), tainted: false };
    assert_eq!(project.configs["c"].source, expected);
    assert_eq!(project.secrets["s"].source, FileSource::Environment { variable: "S".to_owned(), value: None, tainted: false });
}

#[test]
fn the_project_name_is_a_variable() {
    Try::of("name: My-Shop\nservices: {web: {image: \"$COMPOSE_PROJECT_NAME\"}}").prints("services/web/image", json!("my-shop"));
}

#[test]
fn hooks_have_the_env_files_and_label_files_of_their_service_too() {
    let found = web("env_file: a.env\nlabel_file: a.labels\npre_start: [{command: [x], label_file: b.labels}]")
        .file("a.env", "A=1")
        .file("a.labels", "a=1")
        .file("b.labels", "b=2");
    found.prints("services/web/pre_start/0/environment", json!({"A": "1"}));
    found.prints("services/web/pre_start/0/labels", json!({"a": "1", "b": "2"}));
    web("pre_start: [{command: [x], label_file: no.labels}]")
        .refused(&["services.web.pre_start[0].label_file[0]: there is no label file no.labels"]);
}
