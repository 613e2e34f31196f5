use serde_json::json;

use super::Try;

const SUB: &str = "services: {db: {image: db, volumes: ['./data:/data'], networks: [back]}}\nnetworks: {back: }\n";

#[test]
fn an_included_project_is_loaded_from_its_own_directory() {
    let found = Try::of("include: [sub/compose.yaml]\nservices: {web: {image: web, depends_on: [db]}}").file("sub/compose.yaml", SUB);
    found.prints("services/db/volumes/0/source", json!("sub/data"));
    found.prints("networks/back/name", json!("project_back"));
}

#[test]
fn includes_may_include() {
    let found = Try::of("include: [a/compose.yaml]")
        .file("a/compose.yaml", "include: [b/compose.yaml]\nservices: {mid: {image: x, env_file: mid.env}}")
        .file("a/mid.env", "M=1")
        .file("a/b/compose.yaml", SUB);
    found.prints("services/db/volumes/0/source", json!("a/b/data"));
    found.prints("services/mid/environment", json!({"M": "1"}));
}

#[test]
fn one_include_may_merge_several_files() {
    let found = Try::of("include: [{path: [sub/compose.yaml, over.yaml]}]")
        .file("sub/compose.yaml", SUB)
        .file("over.yaml", "services: {db: {image: newer}}");
    found.prints("services/db/image", json!("newer"));
}

#[test]
fn an_included_project_has_its_own_variables_under_those_of_the_outer_one() {
    let text = "services: {db: {image: \"$A-$B\"}}";
    let found =
        Try::of("include: [sub/compose.yaml]").file("sub/compose.yaml", text).file("sub/.env", "A=inner\nB=inner").variable("A", "outer");
    found.prints("services/db/image", json!("outer-inner"));
    let found = Try::of("include: [{path: sub/compose.yaml, env_file: x.env}]").file("sub/compose.yaml", text).file("x.env", "A=x\nB=y");
    found.prints("services/db/image", json!("x-y"));
}

#[test]
fn the_including_file_wins_and_says_so() {
    let found = Try::of("include: [sub/compose.yaml]\nservices: {db: {image: mine}}").file("sub/compose.yaml", SUB);
    found.prints("services/db/image", json!("mine"));
    found.prints("services/db/volumes/0/target", json!("/data"));
    assert_eq!(found.warnings(), ["services.db: is defined here and in sub/compose.yaml, which it is merged onto"]);
}

#[test]
fn the_same_project_may_be_included_twice() {
    let found =
        Try::of("include: [a.yaml, b.yaml]").file("a.yaml", "include: [sub/compose.yaml]").file("b.yaml", "include: [sub/compose.yaml]");
    let found = found.file("sub/compose.yaml", SUB);
    found.prints("services/db/volumes/0/source", json!("sub/data"));
    assert_eq!(found.warnings(), Vec::<String>::new());
}

#[test]
fn files_that_include_each_other_are_refused() {
    let found = Try::of("include: [a.yaml]").file("a.yaml", "include: [compose.yaml]");
    found.refused(&["include[0]: files include each other: compose.yaml includes a.yaml includes compose.yaml"]);
}

#[test]
fn what_is_included_must_be_there() {
    Try::of("include: [no.yaml]\nservices: {a: {image: x}}").refused(&["include[0]: there is no file no.yaml"]);
    Try::of("include: no.yaml").refused(&["include: must be a list, found text"]);
    Try::of("include: [{paths: a}]").refused(&["include[0]: must be a path, or a mapping with \"path\""]);
}
