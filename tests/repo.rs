//! What holds for the repository itself: the layers of the crate, and what stays free of I/O.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use compose_operator::cli::crd;
use compose_operator::cli::operator::Arguments;
use compose_operator::translate::{KINDS, Kind, Policy, policy_page, support_page};
use k8s_openapi::api::rbac::v1::PolicyRule;

/// Which modules of the crate a module may name; the same as in the table of `src/lib.rs`.
const LAYERS: &[(&str, &[&str])] = &[
    ("yaml", &[]),
    ("compose", &["yaml"]),
    ("api", &[]),
    ("translate", &["api", "compose", "yaml"]),
    ("cluster", &["api", "telemetry", "translate"]),
    ("controller", &["api", "cluster", "compose", "telemetry", "translate", "yaml"]),
    ("cli", &["api", "cluster", "compose", "controller", "helper", "telemetry", "translate", "yaml"]),
    ("telemetry", &[]),
    ("helper", &[]),
];

/// Parts of the crate that are pure, and so can be driven through every state by a test.
const PURE: &[&str] = &["yaml", "compose", "translate", "controller/decide"];

/// What a pure part may not name: an API server, the runtime, the disk, the process, the clock.
const IMPURE: &[&str] = &[
    "Client",
    "tokio",
    "std::fs",
    "std::env",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "ToSocketAddrs",
    "std::process",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
];

#[test]
fn modules_depend_one_way_only() {
    let mut wrong = Vec::new();
    for file in sources(&root().join("src")) {
        let Some(layer) = layer(&file) else { continue };
        let allowed = LAYERS.iter().find(|(name, _)| *name == layer).unwrap_or_else(|| panic!("{layer} has no row in LAYERS")).1;
        for (number, line) in code_lines(&file) {
            for used in crate_paths(&line) {
                if used != layer && !allowed.contains(&used.as_str()) {
                    wrong.push(format!("{}:{number}: {layer} may not use {used}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_parts_name_nothing_impure() {
    let mut wrong = Vec::new();
    for part in PURE {
        for file in sources(&root().join("src").join(part)).into_iter().chain(existing(root().join("src").join(format!("{part}.rs")))) {
            for (number, line) in shipped_lines(&file) {
                for name in IMPURE.iter().filter(|name| names(&line, name)) {
                    wrong.push(format!("{}:{number}: names {name}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_source_file_is_past_500_lines() {
    let long: Vec<String> = ["src", "tests", "devcluster/src", "realnode/src"]
        .iter()
        .flat_map(|directory| sources(&root().join(directory)))
        .filter_map(|file| {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            (lines > 500).then(|| format!("{}: {lines} lines", file.display()))
        })
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn existing(path: PathBuf) -> Option<PathBuf> {
    path.exists().then_some(path)
}

/// All Rust files below a directory, sorted; none if it does not exist.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The module right below `src/` that a file belongs to; none for `lib.rs` and the binaries.
fn layer(file: &Path) -> Option<String> {
    let inside = file.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (!matches!(name, "lib" | "bin")).then(|| name.to_owned())
}

/// Numbered lines of a file without those that are comments.
fn code_lines(file: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    lines.map(|(index, line)| (index + 1, line.to_owned())).collect()
}

/// The same without tests, which may look at the clock.
fn shipped_lines(file: &Path) -> Vec<(usize, String)> {
    if file.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs"))) {
        return Vec::new();
    }
    let lines = code_lines(file);
    // Tests stand at a file's end.
    let end = lines.windows(2).position(|pair| pair[0].1 == "#[cfg(test)]" && pair[1].1 == "mod tests {");
    lines[..end.unwrap_or(lines.len())].to_vec()
}

/// The first segments of the `crate::` paths in a line; of `use crate::{a::B, c}` both `a` and `c`.
fn crate_paths(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        if line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &line[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(top_level_items(group)),
            None => found.push(first_segment(rest)),
        }
    }
    found
}

/// First segments of the items of a `use` group, without those of nested groups.
fn top_level_items(group: &str) -> Vec<String> {
    let (mut depth, mut start, mut items) = (0, 0, Vec::new());
    for (index, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                items.push(first_segment(group[start..index].trim_start()));
                start = index + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    items
}

fn first_segment(path: &str) -> String {
    path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Whether a line holds a name as a word of its own.
fn names(line: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(name).any(|(at, _)| !line[..at].ends_with(is_word) && !line[at + name.len()..].starts_with(is_word))
}

#[test]
fn crate_paths_are_found_in_every_form() {
    #[track_caller]
    fn check(line: &str, expected: &[&str]) {
        assert_eq!(crate_paths(line), expected, "{line}");
    }
    check("use crate::api::Stack;", &["api"]);
    check("use crate::{api::{Stack, keys}, yaml::Node};", &["api", "yaml"]);
    check("    let x = crate::translate::names::service(y);", &["translate"]);
    check("use mycrate::api;", &[]);
}

#[test]
fn crd_in_crds_is_what_the_types_say() {
    up_to_date("crds/composestacks.yaml", &crd::manifest().unwrap());
}

#[test]
fn crd_in_the_chart_is_the_same_and_kept_on_uninstall() {
    let manifest = crd::manifest().unwrap();
    assert!(!manifest.contains("{{"), "the text would be a template");
    let kept = manifest.replacen("metadata:\n", "metadata:\n  annotations:\n    helm.sh/resource-policy: keep\n", 1);
    up_to_date("charts/compose-operator/templates/crd.yaml", &format!("{{{{- if .Values.crd.create }}}}\n{kept}{{{{- end }}}}\n"));
}

#[test]
fn page_of_attributes_is_what_the_table_says() {
    up_to_date("docs/compose-support.md", &support_page());
}

#[test]
fn page_of_the_policy_is_what_the_type_says() {
    up_to_date("docs/policy.md", &policy_page());
}

#[test]
fn chart_takes_exactly_the_fields_of_the_policy() {
    let text = fs::read_to_string(root().join("charts/compose-operator/values.schema.json")).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
    let taken: Vec<&String> = schema["properties"]["policy"]["properties"].as_object().unwrap().keys().collect();
    let policy = serde_json::to_value(Policy::default()).unwrap();
    assert_eq!(taken, policy.as_object().unwrap().keys().collect::<Vec<_>>());
}

/// A generated file must have exactly this content; `UPDATE=1` writes it.
#[track_caller]
fn up_to_date(path: &str, content: &str) {
    let file = root().join(path);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, content).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(found == content, "{path} is stale; `make generate` writes it anew");
}

#[test]
fn chart_rights_are_exactly_what_the_owned_kinds_need() {
    let mut owned = BTreeMap::new();
    for kind in KINDS {
        let mut verbs = BTreeSet::from(["get", "list", "watch", "create", "patch"]);
        if kind != Kind::PersistentVolumeClaim {
            verbs.insert("delete");
        }
        owned.insert(resource(kind).to_owned(), verbs.into_iter().map(str::to_owned).collect());
    }
    let others = [
        ("compose-operator.dev/composestacks", &["list", "watch"][..]),
        ("compose-operator.dev/composestacks/status", &["patch"]),
        ("apps/deployments/scale", &["patch"]),
        ("apps/statefulsets/scale", &["patch"]),
        ("/pods", &["list", "watch"]),
        ("/namespaces", &["list", "watch"]),
        ("events.k8s.io/events", &["create", "patch"]),
    ];
    owned.extend(others.map(|(resource, verbs)| (resource.to_owned(), verbs.iter().map(|verb| (*verb).to_owned()).collect())));
    assert_eq!(rights("ClusterRole"), owned);

    let leases = BTreeSet::from(["get", "create", "update"].map(str::to_owned));
    assert_eq!(rights("Role"), BTreeMap::from([("coordination.k8s.io/leases".to_owned(), leases)]));
}

/// `group/resource` of an owned kind.
fn resource(kind: Kind) -> &'static str {
    match kind {
        Kind::ConfigMap => "/configmaps",
        Kind::Secret => "/secrets",
        Kind::PersistentVolumeClaim => "/persistentvolumeclaims",
        Kind::NetworkPolicy => "networking.k8s.io/networkpolicies",
        Kind::Service => "/services",
        Kind::Deployment => "apps/deployments",
        Kind::DaemonSet => "apps/daemonsets",
        Kind::Job => "batch/jobs",
        Kind::StatefulSet => "apps/statefulsets",
        Kind::CronJob => "batch/cronjobs",
        Kind::HorizontalPodAutoscaler => "autoscaling/horizontalpodautoscalers",
        Kind::PodDisruptionBudget => "policy/poddisruptionbudgets",
        Kind::Ingress => "networking.k8s.io/ingresses",
        Kind::HttpRoute => "gateway.networking.k8s.io/httproutes",
    }
}

/// Verbs by `group/resource` in the role of this kind in the chart. Templates around them are left out: all optional kinds are on.
fn rights(kind: &str) -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(root().join("charts/compose-operator/templates/rbac.yaml")).unwrap();
    let document = text.split("\n---\n").find(|document| document.contains(&format!("\nkind: {kind}\n"))).unwrap();
    let rules = document
        .split_once("\nrules:\n")
        .unwrap()
        .1
        .lines()
        .filter(|line| !line.trim_start().starts_with("{{"))
        .collect::<Vec<_>>()
        .join("\n");
    let rules: Vec<PolicyRule> = serde_yaml::from_str(&rules).unwrap();
    let mut rights = BTreeMap::<String, BTreeSet<String>>::new();
    for rule in rules {
        for group in rule.api_groups.unwrap() {
            for resource in rule.resources.iter().flatten() {
                rights.entry(format!("{group}/{resource}")).or_default().extend(rule.verbs.iter().cloned());
            }
        }
    }
    rights
}

#[test]
fn readme_has_every_setting_with_its_variable_and_default() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let command = Arguments::command();
    let run = command.find_subcommand("run").unwrap();
    let flags: Vec<String> = run
        .get_arguments()
        .filter(|flag| flag.get_id() != "help")
        .map(|flag| format!("| `--{}` | `{}` |", flag.get_long().unwrap(), flag.get_env().unwrap().to_str().unwrap()))
        .collect();
    let rows: Vec<&str> = readme.lines().filter(|line| line.starts_with("| `--")).collect();
    assert_eq!(rows.len(), flags.len(), "{rows:#?}\n{flags:#?}");
    for (row, flag) in rows.iter().zip(&flags) {
        assert!(row.starts_with(flag), "{row}\nis not the row of\n{flag}");
    }
    for flag in run.get_arguments().filter(|flag| !flag.get_default_values().is_empty()) {
        let default = flag.get_default_values()[0].to_str().unwrap();
        let row = rows.iter().find(|row| row.contains(&format!("`--{}`", flag.get_long().unwrap()))).unwrap();
        assert!(row.contains(&format!("| `{default}` |")), "{row}\nhas not the default {default}");
    }
}

#[test]
fn chart_sets_only_variables_that_the_operator_reads() {
    let template = fs::read_to_string(root().join("charts/compose-operator/templates/deployment.yaml")).unwrap();
    let command = Arguments::command();
    let flags = command.find_subcommand("run").unwrap().get_arguments();
    let known: BTreeSet<&str> = flags.filter_map(|flag| flag.get_env()?.to_str()).collect();
    let set = template.lines().filter_map(|line| line.trim().strip_prefix("- name: ")).filter(|name| name.contains('_'));
    let unknown: Vec<&str> = set.filter(|name| !known.contains(name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn chart_is_of_the_crates_version() {
    let chart: serde_json::Value =
        serde_yaml::from_str(&fs::read_to_string(root().join("charts/compose-operator/Chart.yaml")).unwrap()).unwrap();
    assert_eq!((&chart["version"], &chart["appVersion"]), (&env!("CARGO_PKG_VERSION").into(), &env!("CARGO_PKG_VERSION").into()));
}

#[test]
fn changelog_and_readme_name_only_files_that_exist() {
    for file in [
        "README.md",
        "CHANGELOG.md",
        "examples/README.md",
        "docs/architecture.md",
        "docs/compose.md",
        "docs/compose-support.md",
        "docs/report.md",
        "docs/policy.md",
        "docs/status.md",
        "docs/x-kubernetes.md",
    ] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let directory = root().join(file).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|link| !link.contains("://")) {
            assert!(directory.join(link).exists(), "{file} links to {link}");
        }
    }
}
