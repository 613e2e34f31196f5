//! The order of keys, at any depth, changes nothing of what a stack becomes.

use compose_operator::compose::sources::ComposeFile;
use compose_operator::translate::Desired;
use proptest::prelude::*;
use serde_yaml::{Mapping, Value};

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
        other => other.clone(),
    }
}

fn with(stack: &mut Stack, tree: &Value) -> Option<Desired> {
    let text = serde_yaml::to_string(tree).unwrap();
    stack.compose = vec![ComposeFile::Text { name: "compose.yaml".to_owned(), text, tainted: false }];
    let mut desired = stack.translate().0?;
    // Plans stand in the order of the file.
    desired.services.sort_by(|a, b| a.name.cmp(&b.name));
    Some(desired)
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
