//! The names that Compose gives containers: `<project>-<service>-1`, and with `_` in its older versions. They exist here only where the stack's
//! own text mentions them.

use std::collections::{BTreeMap, BTreeSet};

use super::expose;
use super::stack::Stack;

/// The container names that texts of the stack mention, by service.
pub fn mentioned<'a>(stack: &Stack<'a>) -> BTreeMap<&'a str, BTreeSet<String>> {
    let mut found: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (_, service, _) in stack.services() {
        for text in expose::texts(stack, service) {
            for name in names(&text, &stack.project.name) {
                if let Some((key, ..)) = service_of(name, &stack.project.name).and_then(|key| stack.service(key)) {
                    found.entry(key).or_default().insert(name.to_owned());
                }
            }
        }
    }
    found
}

/// The words of a text that begin as the project is called.
fn names<'t>(text: &'t str, project: &str) -> impl Iterator<Item = &'t str> {
    let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let starts = text.match_indices(project).filter(move |(at, _)| !text[..*at].ends_with(in_name)).map(|(at, _)| at);
    starts.map(move |at| {
        let rest = &text[at..];
        rest[..rest.find(|c| !in_name(c)).unwrap_or(rest.len())].trim_end_matches('.')
    })
}

/// The service whose first container has this name.
fn service_of<'t>(name: &'t str, project: &str) -> Option<&'t str> {
    let rest = name.strip_prefix(project)?;
    let separator = ['-', '_'].into_iter().find(|separator| rest.starts_with(*separator))?;
    rest.strip_prefix(separator)?.strip_suffix('1')?.strip_suffix(separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let found: Vec<_> = names(text, "shop").filter_map(|name| Some((name, service_of(name, "shop")?))).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn container_names_are_found_in_texts() {
        check("http://shop-web-1:80/ and shop_db_1.", &[("shop-web-1", "web"), ("shop_db_1", "db")]);
        check("host=shop_my_db_1;", &[("shop_my_db_1", "my_db")]);
        check("workshop-web-1 shop-web-2 shop-web shop shop-web_1 shop.web.1", &[]);
    }
}
