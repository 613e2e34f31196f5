use serde_json::{Value, json};

use super::Try;

const BASE: &str =
    "services:\n  base:\n    image: base\n    environment: {A: base, B: base}\n    volumes: ['./data:/data']\n    ports: ['80:80']\n";

#[test]
fn a_service_starts_as_another_one_of_its_file() {
    let found = Try::of(&format!("{BASE}  web:\n    extends: base\n    environment: [A=web]\n"));
    found.prints("services/web/image", json!("base"));
    found.prints("services/web/environment", json!({"A": "web", "B": "base"}));
    found.prints("services/web/extends", Value::Null);
}

#[test]
fn paths_of_another_file_count_from_that_file() {
    let found = Try::of("services: {web: {extends: {file: sub/base.yaml, service: base}}}").file("sub/base.yaml", BASE);
    found.prints("services/web/volumes/0/source", json!("sub/data"));
}

#[test]
fn a_chain_of_files_is_followed_from_each_file_on() {
    let middle = "services: {mid: {extends: {file: ../far/base.yaml, service: base}, hostname: mid}}";
    let found = Try::of("services: {web: {extends: {file: near/mid.yaml, service: mid}}}")
        .file("near/mid.yaml", middle)
        .file("far/base.yaml", BASE);
    found.prints("services/web/volumes/0/source", json!("far/data"));
    found.prints("services/web/hostname", json!("mid"));
}

#[test]
fn several_services_may_extend_one_file() {
    let text = "services:\n  a: {extends: {file: b.yaml, service: base}, hostname: a}\n  b: {extends: {file: b.yaml, service: base}, ports: ['81:81']}\n";
    let found = Try::of(text).file("b.yaml", BASE);
    found.prints("services/a/ports/0/published", json!("80"));
    found.prints("services/b/ports/1/published", json!("81"));
    found.prints("services/b/hostname", Value::Null);
}

#[test]
fn reset_works_against_the_service_that_is_extended() {
    let found = Try::of(&format!("{BASE}  web:\n    extends: base\n    ports: !reset []\n    environment: !override {{C: web}}\n"));
    found.prints("services/web/ports", Value::Null);
    found.prints("services/web/environment", json!({"C": "web"}));
    found.prints("services/base/ports/0/published", json!("80"));
}

#[test]
fn services_that_extend_each_other_are_refused_by_name() {
    let errors = Try::of("services: {a: {extends: b}, b: {extends: a}}").errors();
    assert!(
        errors[0].contains("services extend each other: a in compose.yaml extends b in compose.yaml extends a in compose.yaml"),
        "{errors:?}"
    );
    let errors = Try::of("services: {a: {extends: {file: o.yaml, service: b}}}")
        .file("o.yaml", "services: {b: {extends: {file: compose.yaml, service: a}}}")
        .errors();
    assert!(errors[0].contains("services extend each other"), "{errors:?}");
}

#[test]
fn what_is_extended_must_be_there() {
    Try::of("services: {web: {image: x, extends: wbe}, wob: {image: x}}")
        .refused(&["services.web.extends: there is no service \"wbe\" in compose.yaml, did you mean \"web\"?"]);
    Try::of("services: {web: {extends: {file: no.yaml, service: a}}}").refused(&["services.web.extends: there is no file no.yaml"]);
    let errors = Try::of("services: {web: {extends: {file: o.yaml, service: a}}}").file("o.yaml", "networks: {}").errors();
    assert!(errors.contains(&"services.web.extends: o.yaml has no services".to_owned()), "{errors:?}");
}

#[test]
fn what_is_inherited_must_be_defined_here() {
    let base = "services: {base: {image: x, volumes: ['data:/data']}}\nvolumes: {data: }";
    let found = Try::of("services: {web: {extends: {file: o.yaml, service: base}}}").file("o.yaml", base);
    found.refused(&["services.web.volumes[0]: volume \"data\" is not defined under volumes"]);
}

#[test]
fn a_text_may_extend_a_file_that_is_called_like_it() {
    use crate::compose::sources::{ComposeFile, Sources};
    use crate::compose::{load, model};
    let mut found = Try::of(BASE).file("other.yaml", "services: {}");
    found.compose.clear();
    let text = "services: {base: {extends: {file: compose.yaml, service: base}, hostname: h}}".to_owned();
    let compose_files = vec![ComposeFile::Text { name: "compose.yaml".to_owned(), text, tainted: false }];
    let loaded = load(&Sources { files: &found.files, compose_files, variables: found.variables.clone() }, &found.options);
    let project: model::Project = loaded.project.unwrap();
    assert_eq!(project.services["base"].image.as_deref(), Some("base"));
}
