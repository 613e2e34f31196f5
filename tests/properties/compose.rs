use compose_operator::compose::sources::{ComposeFile, FileSet, Options, ProjectName, Sources, Variables};
use compose_operator::compose::{Loaded, load, print};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

fn loaded(texts: &[&str]) -> Loaded {
    let files = FileSet::default();
    let compose_files = texts
        .iter()
        .enumerate()
        .map(|(index, text)| ComposeFile::Text { name: format!("{index}.yaml"), text: (*text).to_owned(), tainted: false })
        .collect();
    let options = Options { name: ProjectName::Fallback("shop".to_owned()), ..Options::default() };
    load(&Sources { files: &files, compose_files, variables: Variables::new() }, &options)
}

fn printed(texts: &[&str], format: print::Format) -> Value {
    let Loaded { project, diagnostics, .. } = loaded(texts);
    let project = project.unwrap_or_else(|| panic!("refused: {diagnostics:#?}\n{texts:#?}"));
    print::value(&project, &print::Options { format, ..print::Options::default() })
}

/// Attributes of a service that can stand beside each other, in several forms each.
fn attributes() -> Vec<(&'static str, Vec<Value>)> {
    vec![
        ("command", vec![json!("run 'a b' $$HOME"), json!(["a", ""]), json!([]), json!(null)]),
        ("entrypoint", vec![json!("x"), json!(["sh", "-c", "a && b"])]),
        ("environment", vec![json!({"A": 1, "B": null, "C": "x=$$y"}), json!(["A=1", "B", "C=${UNSET-default}"])]),
        ("labels", vec![json!({"a": true, "b": 1.5}), json!(["a=b", "c"])]),
        ("annotations", vec![json!(["a=b"]), json!({"a": null})]),
        ("ports", vec![json!(["80"]), json!(["8080-8082:80-82/udp", 53]), json!([{"target": 80, "published": "81", "name": "web"}])]),
        ("expose", vec![json!([80, "81-82"])]),
        (
            "volumes",
            vec![json!(["data:/data:ro", "./conf:/conf", "/anon"]), json!([{"type": "tmpfs", "target": "/t", "tmpfs": {"size": "1g"}}])],
        ),
        ("tmpfs", vec![json!("/run"), json!(["/run", "/tmp:size=1m"])]),
        ("configs", vec![json!(["c"]), json!([{"source": "c", "target": "/c", "mode": "0440"}])]),
        ("secrets", vec![json!(["s"]), json!([{"source": "s", "uid": "1", "mode": 288}])]),
        ("networks", vec![json!(["front"]), json!({"front": {"aliases": ["x"]}, "back": null})]),
        ("depends_on", vec![json!(["db"]), json!({"db": {"condition": "service_healthy", "required": false}})]),
        ("links", vec![json!(["db", "db:store"])]),
        ("extra_hosts", vec![json!(["a=1.1.1.1", "a:2.2.2.2"]), json!({"b": "::1"})]),
        ("healthcheck", vec![json!({"test": "curl x", "interval": "90s", "retries": "3"}), json!({"disable": true})]),
        (
            "deploy",
            vec![
                json!({"replicas": 2, "labels": ["x"], "resources": {"reservations": {"cpus": "0.5", "memory": "50m"}}}),
                json!({"mode": "global", "restart_policy": {"delay": "5s", "max_attempts": 0}}),
            ],
        ),
        ("build", vec![json!("."), json!({"context": "x", "args": {"A": 1, "B": null}, "extra_hosts": ["a=1.1.1.1"], "shm_size": "1m"})]),
        ("ulimits", vec![json!({"nofile": 5, "nproc": {"soft": 1, "hard": 2}})]),
        ("logging", vec![json!({"driver": "x", "options": {"a": 1, "b": null}})]),
        ("restart", vec![json!("no"), json!("on-failure:3")]),
        ("stop_grace_period", vec![json!("1m30s"), json!("0s")]),
        ("mem_limit", vec![json!("512m"), json!(1024)]),
        ("cpus", vec![json!(1.5), json!("2")]),
        ("init", vec![json!(false), json!("yes")]),
        ("profiles", vec![json!([])]),
        ("devices", vec![json!(["/dev/a:/dev/b"])]),
        ("gpus", vec![json!("all"), json!([{"count": 2, "capabilities": ["x"]}])]),
        ("sysctls", vec![json!({"a": 1}), json!(["a=1"])]),
        ("dns", vec![json!("1.1.1.1"), json!([])]),
        ("models", vec![json!(["m"]), json!({"m": {"endpoint_var": "E"}})]),
        ("develop", vec![json!({"watch": [{"path": ".", "action": "rebuild"}]})]),
        ("post_start", vec![json!([{"command": "a b", "user": "root"}])]),
        ("pre_start", vec![json!([{"command": ["migrate"], "environment": ["M=1"]}])]),
        ("provider", vec![json!({"type": "x", "options": {"a": ["1", "2"], "b": true}})]),
        ("x-note", vec![json!({"any": ["thing"]})]),
    ]
}

/// Attributes that the reference doesn't merge associatively: lists of mappings and lines, where what is written and its canonical form are two
/// items; what a link implies, which a later file then merges with; and options and devices whose canonical form is a list.
const NOT_ASSOCIATIVE: [&str; 6] = ["extra_hosts", "gpus", "links", "post_start", "pre_start", "provider"];

/// A file whose service `web` names its network, so that none is implied, and has some of the attributes that merge associatively.
fn associative_file() -> impl Strategy<Value = String> {
    let attributes = attributes().into_iter().filter(|(key, _)| !NOT_ASSOCIATIVE.contains(key)).collect();
    service_of(attributes).prop_map(|mut web| {
        if web.get("networks").is_none() {
            web["networks"] = json!(["front"]);
        }
        file_of(&web)
    })
}

/// A service with some of the attributes.
fn service() -> impl Strategy<Value = Value> {
    service_of(attributes())
}

fn service_of(all: Vec<(&'static str, Vec<Value>)>) -> impl Strategy<Value = Value> {
    let count = all.len();
    subsequence(all, 0..=count).prop_flat_map(|some| {
        let values: Vec<_> = some.into_iter().map(|(key, values)| (Just(key), select(values))).collect();
        values.prop_map(|entries| {
            let mut service: Map<String, Value> = [("image".to_owned(), json!("nginx"))].into_iter().collect();
            service.extend(entries.into_iter().map(|(key, value)| (key.to_owned(), value)));
            Value::Object(service)
        })
    })
}

/// A Compose file whose service `web` has some of the attributes, with all that they name.
fn file() -> impl Strategy<Value = String> {
    service().prop_map(|web| file_of(&web))
}

fn file_of(web: &Value) -> String {
    let file = json!({
        "services": {"web": web, "db": {"image": "db"}},
        "networks": {"front": {"driver_opts": {"a": 1}, "internal": "true"}, "back": null},
        "volumes": {"data": {"labels": ["a=b"]}},
        "configs": {"c": {"content": "a $$b"}},
        "secrets": {"s": {"file": "./s"}},
        "models": {"m": {"model": "ai/x"}},
    });
    file.to_string()
}

/// Three files merged at once, and the last one merged onto what is printed of the first two.
fn merged(a: &str, b: &str, c: &str) -> (Value, Value) {
    let first_two = printed(&[a, b], print::Format::Yaml).to_string();
    (printed(&[a, b, c], print::Format::Yaml), printed(&[&first_two, c], print::Format::Yaml))
}

#[test]
fn merging_is_not_associative_where_the_references_is_not() {
    for (key, value) in [("extra_hosts", json!(["a:2.2.2.2"])), ("post_start", json!([{"command": "a b"}]))] {
        let (plain, with) = (file_of(&json!({"image": "nginx"})), file_of(&json!({"image": "nginx", key: value})));
        let (at_once, in_turn) = merged(&plain, &with, &with);
        assert_ne!(at_once, in_turn, "{key}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn config_of_config_is_the_same(text in file()) {
        let once = printed(&[&text], print::Format::Json);
        // Models are left out of JSON, as in the reference, though services name them.
        let again = printed(&[&once.to_string(), r#"{"models": {"m": {"model": "ai/x"}}}"#], print::Format::Json);
        prop_assert_eq!(once, again);
        let once = printed(&[&text], print::Format::Yaml);
        let again = printed(&[&once.to_string()], print::Format::Yaml);
        prop_assert_eq!(once, again);
    }

    #[test]
    fn merging_with_an_empty_file_changes_nothing(text in file(), empty in select(vec!["{}", "services: {}", "x-a: 1", "services: {web: {}}"])) {
        let alone = printed(&[&text], print::Format::Json);
        let mut merged = printed(&[&text, empty], print::Format::Json);
        merged.as_object_mut().unwrap().remove("x-a");
        prop_assert_eq!(alone, merged);
    }

    #[test]
    fn merging_a_canonical_file_with_itself_changes_nothing(text in file()) {
        let text = printed(&[&text], print::Format::Yaml).to_string();
        prop_assert_eq!(printed(&[&text], print::Format::Json), printed(&[&text, &text], print::Format::Json));
    }

    #[test]
    fn merging_is_associative_where_the_references_is(a in associative_file(), b in associative_file(), c in associative_file()) {
        let (at_once, in_turn) = merged(&a, &b, &c);
        prop_assert_eq!(at_once, in_turn);
    }

    #[test]
    fn whatever_is_broken_a_load_answers_and_always_the_same(text in file(), at in 0.0..1.0f64, length in 0usize..12, put in "[ -~\n]{0,6}") {
        let mut text = text;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "any place will do")]
        let start = (at * text.len() as f64) as usize;
        let end = (start + length).min(text.len());
        if text.is_char_boundary(start) && text.is_char_boundary(end) {
            text.replace_range(start..end, &put);
        }
        let first = loaded(&[&text]);
        let second = loaded(&[&text]);
        prop_assert_eq!(&first.diagnostics, &second.diagnostics);
        let errors = first.diagnostics.iter().filter(|found| found.is_error()).count();
        prop_assert_eq!(first.project.is_some(), errors == 0, "a project or an error, never both, never neither");
        prop_assert!(first.diagnostics.iter().all(|found| !found.message.is_empty()));
    }
}
