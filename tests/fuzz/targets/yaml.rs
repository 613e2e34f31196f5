#![no_main]

use compose_operator_fuzz::on_text;
use compose_operator_fuzz::yaml::{self, FileId, MAX_DEPTH, MAX_DOCUMENTS, MAX_ERRORS, MAX_NODES, Node, Value};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| on_text(data, |text| {
    let (documents, errors) = yaml::parse(text, FileId::default());
    assert!(documents.len() <= MAX_DOCUMENTS && errors.len() <= MAX_ERRORS + 1);
    for error in &errors {
        assert!(!error.message.is_empty());
        assert!(error.span.start <= error.span.end && error.span.end as usize <= text.len(), "{error:?}");
        assert!(text.is_char_boundary(error.span.start as usize) && text.is_char_boundary(error.span.end as usize), "{error:?}");
    }
    let nodes: usize = documents.iter().map(|document| check(document, text, 0)).sum();
    assert!(nodes <= MAX_NODES, "{nodes} nodes");
    if !errors.is_empty() {
        return;
    }
    for document in &documents {
        let json = yaml::to_json(document);
        let written = yaml::write(&json);
        let (again, errors) = yaml::parse(&written, FileId::default());
        assert!(errors.is_empty(), "{errors:?} in what was written:\n{written}");
        assert_eq!(again.len(), 1, "{written}");
        assert_eq!(yaml::to_json(&again[0]), json, "{written}");
    }
}));

/// Values in a tree, whose places must be places of the text.
fn check(node: &Node, text: &str, depth: usize) -> usize {
    assert!(depth <= MAX_DEPTH, "{depth} deep");
    let (start, end) = (node.span.start as usize, node.span.end as usize);
    assert!(start <= end && text.get(start..end).is_some(), "{:?}", node.span);
    let inside: usize = match &node.value {
        Value::Sequence(items) => items.iter().map(|item| check(item, text, depth + 1)).sum(),
        Value::Mapping(entries) => entries.values().map(|entry| check(&entry.value, text, depth + 1)).sum(),
        _ => 0,
    };
    1 + inside
}
