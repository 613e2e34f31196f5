#![no_main]

use compose_operator_fuzz::compose::interpolate::{MAX_EXPANSION, expand, interpolate};
use compose_operator_fuzz::yaml::{FileId, Node, Span};
use compose_operator_fuzz::{SECRETS, on_text, variables, well_formed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| on_text(data, |text| {
    let [variables, others] = SECRETS.map(variables);
    let mut budget = MAX_EXPANSION;
    let result = expand(text, &variables, &mut budget);
    if let Ok(expansion) = &result {
        let added = MAX_EXPANSION - budget;
        assert!(expansion.text.len() <= text.len() + added, "more text than the budget lets in");
        for (offset, name) in &expansion.unset {
            assert!(text[*offset..].starts_with('$') && text[*offset..].contains(name.as_str()));
        }
        let other = expand(text, &others, &mut { MAX_EXPANSION }).expect("expands with another secret");
        assert!(expansion.tainted || expansion.text == other.text, "a secret without taint");
    }
    if !text.contains('$') {
        assert_eq!(result.map(|expansion| expansion.text).as_deref(), Ok(text), "text without a dollar is left alone");
    }
    let doubled = text.replace('$', "$$");
    let restored = expand(&doubled, &variables, &mut { MAX_EXPANSION });
    assert_eq!(restored.map(|expansion| expansion.text).as_deref(), Ok(text), "doubled dollars are dollars");

    let node = Node::new(text, Span { file: FileId::default(), start: 0, end: u32::try_from(text.len()).unwrap_or(u32::MAX) });
    let diagnostics = interpolate(&mut node.clone(), &variables, &mut { MAX_EXPANSION });
    well_formed(&diagnostics);
    assert_eq!(interpolate(&mut node.clone(), &others, &mut { MAX_EXPANSION }), diagnostics, "a secret value is shown");
}));
