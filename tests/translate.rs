//! Compose in, manifests out: a snapshot of everything that each example stack, and each section of the mapping, becomes.
//!
//! `INSTA_UPDATE=always cargo test --test translate` writes the snapshots anew; the diff is to be read.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

#[path = "translate/attributes.rs"]
mod attributes;
#[path = "corpus/cases.rs"]
mod cases;
#[path = "translate/combinations.rs"]
mod combinations;
#[path = "corpus/mod.rs"]
mod corpus;
#[path = "translate/corpus.rs"]
mod corpus_files;
#[path = "translate/externals.rs"]
mod externals;
#[path = "translate/hosts.rs"]
mod hosts;
#[path = "translate/image_volumes.rs"]
mod image_volumes;
#[path = "translate/inputs.rs"]
mod inputs;
#[path = "translate/kinds.rs"]
mod kinds;
#[path = "translate/kubernetes.rs"]
mod kubernetes;
#[path = "translate/limits.rs"]
mod limits;
#[path = "translate/names.rs"]
mod names;
#[path = "translate/network_table.rs"]
mod network_table;
#[path = "translate/networks.rs"]
mod networks;
#[path = "translate/order.rs"]
mod order;
#[path = "translate/policy.rs"]
mod policy;
#[path = "translate/process.rs"]
mod process;
#[path = "translate/properties.rs"]
mod properties;
#[path = "translate/regressions.rs"]
mod regressions;
#[path = "translate/secrets.rs"]
mod secrets;
#[path = "translate/sharing.rs"]
mod sharing;
#[path = "translate/storage.rs"]
mod storage;
#[path = "translate/support.rs"]
mod support;
#[path = "translate/text_attributes.rs"]
mod text_attributes;
#[path = "translate/words.rs"]
mod words;

use std::path::Path;

use support::{Stack, problems, render};

/// Every file of a directory of the repository, sorted.
fn files(directory: &str) -> Vec<std::path::PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let mut files: Vec<_> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

#[test]
fn every_example_becomes_what_its_snapshot_says() {
    let files = files("examples");
    assert!(files.len() >= 17, "only {} examples were found", files.len());
    for file in files {
        let stack = Stack::read(&file);
        let name = format!("example-{}", file.file_stem().unwrap().to_str().unwrap());
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "snapshots" }, {
            insta::assert_snapshot!(name, render(&stack));
        });
    }
}

#[test]
fn every_section_of_the_mapping_becomes_what_its_snapshot_says() {
    for file in files("tests/translate/sections") {
        let stack = Stack::read(&file);
        assert!(stack.translate().0.is_some(), "{} is refused:\n{}", file.display(), problems(&stack).1);
        let name = format!("section-{}", file.file_stem().unwrap().to_str().unwrap());
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "snapshots" }, {
            insta::assert_snapshot!(name, render(&stack));
        });
    }
}

#[test]
fn every_refused_example_is_refused_for_the_reason_in_its_snapshot() {
    for file in files("examples/refused") {
        let stack = Stack::read(&file);
        let (desired, problems) = problems(&stack);
        assert!(desired.is_none(), "{} was not refused", file.display());
        let name = format!("refused-{}", file.file_stem().unwrap().to_str().unwrap());
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "snapshots" }, {
            insta::assert_snapshot!(name, problems);
        });
    }
}
