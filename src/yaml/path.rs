//! Paths of values as messages write them: `services.web.ports[0]`.

/// `parent.key`, or `key` at the top level.
pub fn child(parent: &str, key: &str) -> String {
    if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") }
}

/// `parent[index]`.
pub fn item(parent: &str, index: usize) -> String {
    format!("{parent}[{index}]")
}
