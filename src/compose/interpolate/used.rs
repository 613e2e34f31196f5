use std::collections::BTreeMap;

use super::template::{MAX_NESTING, Token, token};
use crate::yaml::{Node, Value};

/// How a file uses a variable, all its places taken together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Whether a place refuses the file where the variable is missing: `${V:?…}`.
    pub required: bool,
    /// The first default: `${V:-…}`.
    pub default: String,
    /// The first text that stands in its stead where it is set: `${V:+…}`.
    pub alternate: String,
}

/// The variables of a tree that was not interpolated, by name.
pub fn used(tree: &Node) -> BTreeMap<String, Used> {
    let mut found = BTreeMap::new();
    visit(tree, &mut found);
    found
}

fn visit(node: &Node, found: &mut BTreeMap<String, Used>) {
    match &node.value {
        Value::String(text) => collect(text, 0, found),
        Value::Sequence(items) => items.iter().for_each(|item| visit(item, found)),
        Value::Mapping(mapping) => mapping.values().for_each(|entry| visit(&entry.value, found)),
        _ => {}
    }
}

fn collect(text: &str, depth: usize, found: &mut BTreeMap<String, Used>) {
    let mut at = 0;
    while let Some(dollar) = text[at..].find('$') {
        at += dollar;
        let (token, length) = token(&text[at..]);
        match token {
            Token::Name(name) => {
                found.entry(name.to_owned()).or_default();
            }
            Token::Operator { name, operator, word } => {
                let used = found.entry(name.to_owned()).or_default();
                match operator.trim_start_matches(':') {
                    "?" => used.required = true,
                    "-" if used.default.is_empty() => word.clone_into(&mut used.default),
                    "+" if used.alternate.is_empty() => word.clone_into(&mut used.alternate),
                    _ => {}
                }
                if depth < MAX_NESTING {
                    collect(word, depth + 1, found);
                }
            }
            Token::Dollar | Token::Literal | Token::Invalid => {}
        }
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{FileId, parse};

    #[test]
    fn every_place_of_a_variable_counts() {
        let tree = parse("a: $A ${A:?why} $$NOT\nb: [\"${B:-${C:-x}}\", '${B-other}', '${D+set}']\n", FileId(0)).0.remove(0);
        let of = |required, default: &str, alternate: &str| Used { required, default: default.to_owned(), alternate: alternate.to_owned() };
        let expected = [("A", of(true, "", "")), ("B", of(false, "${C:-x}", "")), ("C", of(false, "x", "")), ("D", of(false, "", "set"))];
        assert_eq!(used(&tree), expected.map(|(name, used)| (name.to_owned(), used)).into_iter().collect());
    }
}
