#![allow(clippy::unwrap_used)]

use std::fmt::Write;

use super::*;
use crate::yaml::{MAX_BYTES, MAX_NODES, to_json};
use serde_json::{Value as Json, json};

#[track_caller]
fn check(text: &str, expected: &[Json]) {
    let (documents, errors) = parse(text, FileId(0));
    assert_eq!(errors, [], "{text}");
    assert_eq!(documents.iter().map(to_json).collect::<Vec<_>>(), expected, "{text}");
}

/// Path, line, column and message of every error.
#[track_caller]
fn fails(text: &str, expected: &[&str]) {
    let (_, errors) = parse(text, FileId(0));
    let place = |at: Span| {
        let before = &text[..at.start as usize];
        let line = before.matches('\n').count() + 1;
        (line, before.chars().rev().take_while(|c| *c != '\n').count() + 1)
    };
    let lines: Vec<String> = errors
        .iter()
        .map(|error| {
            let (line, column) = place(error.span);
            let note =
                error.note.as_ref().map_or(String::new(), |(message, at)| format!(" [{message}: {}:{}]", place(*at).0, place(*at).1));
            format!("{line}:{column}: {}: {}{note}", error.path, error.message)
        })
        .collect();
    assert_eq!(lines, expected, "{text}");
}

#[test]
fn scalars_follow_go_yaml() {
    check(
        "{a: 1, b: 0440, c: 'yes', d: yes, e: null, f: , g: 1.5}",
        &[json!({"a": 1, "b": 288, "c": "yes", "d": "yes", "e": null, "f": null, "g": 1.5})],
    );
    check("a: |\n  x\n  y\nb: >-\n  x\n  y\nc: \"\\u00e9\"\n", &[json!({"a": "x\ny\n", "b": "x y", "c": "é"})]);
}

#[test]
fn a_block_scalar_that_the_end_of_the_file_cuts_off_has_no_line_break() {
    check("a: |\n  x\n  y", &[json!({"a": "x\ny"})]);
    check("a: >\n  x\n  y", &[json!({"a": "x y"})]);
    check("a: |+\n  x", &[json!({"a": "x"})]);
    check("a: |\n  x\n  ", &[json!({"a": "x\n"})]);
    check("a: |+\n  x\n\n  ", &[json!({"a": "x\n\n"})]);
    check("b: |\n  y\na: |\n  x\n", &[json!({"b": "y\n", "a": "x\n"})]);
    check("b: |\n  y\na: x", &[json!({"b": "y\n", "a": "x"})]);
}

#[test]
fn a_lone_dash_in_a_flow_list_is_text() {
    check(
        "a: [cat, -]\nb: {c: -, d: 'x -, y'}\ne: [-, -1]\n",
        &[json!({"a": ["cat", "-"], "b": {"c": "-", "d": "x -, y"}, "e": ["-", -1]})],
    );
    fails("a: [-]\nb: [-[]]\n", &["2:5: : not valid YAML: plain scalar cannot start with '-' followed by ,[]{}"]);
}

#[test]
fn several_documents_and_empty_ones() {
    check("", &[]);
    check("# nothing\n", &[]);
    check("a: 1\n---\nb: 2\n", &[json!({"a": 1}), json!({"b": 2})]);
    check("a: 1\n---\n", &[json!({"a": 1}), json!(null)]);
    check("\u{feff}a: 1\n", &[json!({"a": 1})]);
    check("a: 1\r\nb:\r\n  - x\r\n", &[json!({"a": 1, "b": ["x"]})]);
}

#[test]
fn own_keys_win_over_merged_ones_and_earlier_mappings_over_later() {
    check(
        "x: &a {k: 1, l: 1}\ny: &b {l: 2, m: 2}\nz: {m: 0, <<: [*a, *b]}\n",
        &[json!({"x": {"k": 1, "l": 1}, "y": {"l": 2, "m": 2}, "z": {"m": 0, "k": 1, "l": 1}})],
    );
    check("x: &a {k: {l: 1}}\ny: {<<: *a, k: {m: 2}}\n", &[json!({"x": {"k": {"l": 1}}, "y": {"k": {"m": 2}}})]);
    check("x: &l [{a: 1}, {a: 2}]\ny: {<<: *l}\n", &[json!({"x": [{"a": 1}, {"a": 2}], "y": {"a": 1}})]);
    check("{\"<<\": {a: 1}}", &[json!({"<<": {"a": 1}})]);
    check("x: &a !reset {k: 1}\ny: {l: 2, <<: [*a, {m: 3}]}\n", &[json!({"x": {"k": 1}, "y": {"l": 2, "m": 3}})]);
    let (documents, _) = parse("x: &a !reset {k: 1}\ny: {l: 2, <<: *a}\n", FileId(0));
    assert_eq!(documents[0].at("y").unwrap().tag.as_deref(), Some("!override"));
    fails("a: {<<: 1}", &["1:5: : << wants a mapping or a list of mappings, found an integer"]);
}

#[test]
fn aliases_copy_with_the_position_of_the_anchor() {
    let (documents, _) = parse("x: &a [1]\ny: *a\n", FileId(7));
    let copy = documents[0].at("y[0]").unwrap();
    assert_eq!((copy.value.clone(), copy.span), (Value::Int(1), Span { file: FileId(7), start: 7, end: 8 }));
    fails("x: *a\n---\ny: &a 1\n", &["1:4: : unknown anchor \"a\" (an anchor stands before its aliases)"]);
    check("x: &a 1\n---\ny: *a\n", &[json!({"x": 1}), json!({"y": 1})]);
    fails("x: &a [*a]", &["1:8: : an alias stands inside the value that it stands for"]);
}

#[test]
fn local_tags_are_kept_and_core_tags_resolved() {
    let (documents, errors) = parse("a: !reset null\nb: !override [1]\nc: !!str 5\nd: 2020-01-31\ne: !!int '5'\n", FileId(0));
    assert_eq!(errors, []);
    let tag = |path: &str| documents[0].at(path).unwrap().tag.clone();
    assert_eq!(tag("a").as_deref(), Some("!reset"));
    assert_eq!(tag("b").as_deref(), Some("!override"));
    assert_eq!(tag("c"), None);
    assert_eq!(tag("d").as_deref(), Some(crate::yaml::TIMESTAMP));
    assert_eq!(documents[0].at("e").unwrap().value, Value::Int(5));
    fails("a: !!int b", &["1:10: : a !!str value is tagged !!int"]);
}

#[test]
fn duplicate_keys_name_both_places() {
    fails(
        "services:\n  web:\n    image: a\n    image: b\n",
        &["4:5: services.web.image: key \"image\" is defined twice in this mapping [first defined here: 3:5]"],
    );
    fails("x: &a {}\ny:\n  <<: *a\n  <<: *a\n", &["4:3: y.<<: key \"<<\" is defined twice in this mapping [first defined here: 3:3]"]);
}

#[test]
fn keys_are_text() {
    fails(
        "services:\n  web:\n    environment:\n      1: a\n",
        &["4:7: services.web.environment: non-string key in services.web.environment: 1; put it in quotes"],
    );
    fails("true: a\n", &["1:1: : non-string key at top level: true; put it in quotes"]);
    fails("- {[a]: b}\n", &["1:4: [0]: non-string key in [0]: a list; put it in quotes"]);
    fails("2020-01-31: a\n", &["1:1: : non-string key at top level: 2020-01-31 00:00:00 +0000 UTC; put it in quotes"]);
    check("!x a: 1\n", &[json!({"a": 1})]);
    check("{on: 1, 'true': 2}", &[json!({"on": 1, "true": 2})]);
}

#[test]
fn broken_text_is_an_error_with_its_place() {
    fails("a:\n\t- b\n", &["2:2: : a tab can't indent YAML; use spaces"]);
    fails("a:\n  b: 1\n \tc: 2\n", &["2:6: : a tab can't indent YAML; use spaces"]);
    fails("\ta: 1\n", &["1:2: : a tab can't indent YAML; use spaces"]);
    check("a: [1,\n\t2]\nb:\t3\n", &[json!({"a": [1, 2], "b": 3})]);
    let (_, errors) = parse("a: [1, 2\nb: 3\n", FileId(0));
    assert_eq!(errors.len(), 1);
    assert!(errors[0].message.starts_with("not valid YAML: "), "{errors:?}");
}

#[test]
fn spans_cover_values_and_keys() {
    let text = "services:\n  web:\n    ports: [80, 'x']\n    env:\n      - A\n      - é\n\n# end\nlast: 1\n";
    let (documents, _) = parse(text, FileId(0));
    let source = |path: &str| {
        let span = documents[0].at(path).unwrap().span;
        &text[span.start as usize..span.end as usize]
    };
    assert_eq!(source("services.web.ports"), "[80, 'x']");
    assert_eq!(source("services.web.ports[1]"), "'x'");
    assert_eq!(source("services.web.env[1]"), "é");
    assert_eq!(source("services.web.env"), "- A\n      - é");
    assert_eq!(source("services.web"), "ports: [80, 'x']\n    env:\n      - A\n      - é");
    assert_eq!(source("last"), "1");
}

#[test]
fn every_bound_is_named_in_its_error() {
    #[track_caller]
    fn bound(text: &str, named: &str) {
        let (_, errors) = parse(text, FileId(0));
        let last = errors.last().map_or("", |error| error.message.as_str());
        assert!(last.contains(named), "{named}: {last}");
    }
    bound(&"x".repeat(MAX_BYTES + 1), "the limit is 1048576");
    bound(&format!("[{}]", "a,".repeat(MAX_NODES)), "more than 40000 values");
    bound(&"--- a\n".repeat(101), "more than 100 documents");
    bound(&"[".repeat(500), "more than 128 deep");
    bound(&"- ".repeat(500), "more than 128 deep");
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..10 {
        let alias = format!("*a{},", level - 1).repeat(9);
        writeln!(bomb, "a{level}: &a{level} [{alias}]").unwrap();
    }
    bound(&bomb, "more than 40000 values");
    let long = format!("a: &a {}\nb: [{}]", "x".repeat(10_000), "*a,".repeat(1000));
    bound(&long, "aliases copy have more than 2097152 bytes");
    let mut deep = "a0: &a0 [x]\n".to_owned();
    for level in 1..200 {
        writeln!(deep, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    bound(&deep, "more than 128 deep through aliases");
    bound(&"a: 1\n".repeat(1000), "after 50 errors");
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in "(?s).{0,300}") {
        let _ = parse(&text, FileId(0));
    }

    #[test]
    fn yaml_like_text_is_read_or_refused_without_a_panic(text in "([ \\t\\na-c0-9:\\-\\[\\]{},&*!|>'\"#%<~.?é]|\n  |: |- |<<: |&a |\\*a |!!int |---\n){0,60}") {
        let (documents, errors) = parse(&text, FileId(0));
        for error in &errors {
            proptest::prop_assert!(text.get(..error.span.start as usize).is_some());
        }
        for document in &documents {
            proptest::prop_assert!(text.get(document.span.start as usize..document.span.end as usize).is_some(), "{:?}", document.span);
        }
    }
}
