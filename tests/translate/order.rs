//! The order of keys, at any depth, changes nothing of what a stack becomes.

use std::collections::BTreeSet;
use std::rc::Rc;

use compose_operator::compose::sources::ComposeFile;
use compose_operator::translate::Desired;
use proptest::prelude::*;
use serde::Deserialize;
use serde_yaml::{Mapping, Value};

use crate::cases;
use crate::corpus::{Case, Rewrite};
use crate::files;
use crate::support::{Stack, manifest};

/// The examples and sections that are one file, as trees.
fn stacks() -> Vec<(Stack, Value)> {
    let paths = files("examples").into_iter().chain(files("tests/translate/sections"));
    let stacks = paths.map(|path| Stack::read(&path)).filter_map(|stack| {
        let [ComposeFile::Text { text, .. }] = stack.compose.as_slice() else { return None };
        let tree = serde_yaml::from_str(text).ok()?;
        Some((stack, tree))
    });
    stacks.collect()
}

/// The tree with the keys of each mapping in another order.
fn permuted(value: &Value, seed: &mut u64) -> Value {
    match value {
        Value::Sequence(items) => items.iter().map(|item| permuted(item, seed)).collect(),
        Value::Mapping(mapping) => {
            let mut entries: Vec<_> = mapping.iter().map(|(key, value)| (key.clone(), permuted(value, seed))).collect();
            for last in (1..entries.len()).rev() {
                *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                entries.swap(last, usize::try_from(*seed >> 33).unwrap() % (last + 1));
            }
            Value::Mapping(entries.into_iter().collect::<Mapping>())
        }
        Value::Tagged(tagged) => {
            let mut tagged = tagged.clone();
            tagged.value = permuted(&tagged.value, seed);
            Value::Tagged(tagged)
        }
        other => other.clone(),
    }
}

fn with(stack: &mut Stack, tree: &Value) -> Option<Desired> {
    let text = serde_yaml::to_string(tree).unwrap();
    stack.compose = vec![ComposeFile::Text { name: "compose.yaml".to_owned(), text, tainted: false }];
    stack.translate().0.map(in_order)
}

/// Plans stand in the order of the file.
fn in_order(mut desired: Desired) -> Desired {
    desired.services.sort_by(|a, b| a.name.cmp(&b.name));
    desired
}

fn text(desired: &Desired) -> String {
    desired.objects.values().map(manifest).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn permuted_keys_give_the_same_bytes(seed in any::<u64>()) {
        let mut seed = seed;
        let stacks = stacks();
        prop_assert!(stacks.len() > 20, "only {} stacks", stacks.len());
        for (mut stack, tree) in stacks {
            let one = with(&mut stack, &tree);
            let two = with(&mut stack, &permuted(&tree, &mut seed));
            prop_assert_eq!(one.as_ref().map(text), two.as_ref().map(text), "{}", stack.name);
            prop_assert_eq!(one, two, "{}", stack.name);
        }
    }
}

/// The documents of a Compose file written anew, each in the order of keys that `order` gives it; `None` where they can't be.
fn rewritten(text: &str, order: &mut dyn FnMut(&Value) -> Value) -> Option<String> {
    let documents: Vec<Value> = serde_yaml::Deserializer::from_str(text).map(Value::deserialize).collect::<Result<_, _>>().ok()?;
    let written: Vec<String> = documents.iter().map(|document| serde_yaml::to_string(&order(document)).unwrap()).collect();
    Some(written.join("---\n"))
}

/// What becomes of a case whose Compose files, which are those of these texts, are written in the order that a seed gives them; 0: as they are.
fn becomes(case: &Case, sources: &Rc<BTreeSet<String>>, seed: u64) -> Option<Desired> {
    let sources = sources.clone();
    let rewrite: Rewrite = Rc::new(move |path, text| {
        let is_source = [".yaml", ".yml"].iter().any(|extension| path.ends_with(extension)) && sources.contains(text);
        let mut state = seed;
        let mut order = |tree: &Value| if seed == 0 { tree.clone() } else { permuted(tree, &mut state) };
        is_source.then(|| rewritten(text, &mut order)).flatten()
    });
    let (valid, _) = cases::of(case.clone().rewritten(rewrite))?;
    valid.translate(&cases::permissive()).0.map(in_order)
}

#[test]
fn permuted_keys_of_every_valid_file_of_the_corpus_give_the_same_bytes() {
    let Some(cases) = cases::runnable() else { return };
    let (mut compared, mut different) = (0, Vec::new());
    for (index, case) in cases.enumerate() {
        let Some((_, sources)) = cases::of(case.clone()) else { continue };
        let sources: Rc<BTreeSet<String>> = Rc::new(sources.texts().map(str::to_owned).collect());
        let one = becomes(&case, &sources, 0);
        let two = becomes(&case, &sources, u64::try_from(index).unwrap() + 1);
        compared += usize::from(one.is_some());
        if one != two || one.as_ref().map(text) != two.as_ref().map(text) {
            different.push(case.name.clone());
        }
    }
    assert!(compared > 250, "only {compared} cases were compared");
    assert!(different.is_empty(), "the order of keys changes what becomes of {different:?}");
}
