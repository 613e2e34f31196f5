//! Which variables the files of a project use: those travel with the stack, the rest of the shell's stay where they are.

use std::collections::BTreeSet;

use crate::compose::interpolate::used;
use crate::yaml::{self, FileId, Node, Span, Value};

/// Names of variables.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Those whose values come to stand in the open.
    pub open: BTreeSet<String>,
    /// Those that are the content of `secrets`.
    pub secret: BTreeSet<String>,
}

impl Names {
    /// Adds what the text of a Compose file, an env file or a label file uses.
    pub fn add(&mut self, text: &str) {
        let (documents, _) = yaml::parse(text, FileId::default());
        for document in &documents {
            self.open.extend(used(document).into_keys());
            self.visit(document);
            let secrets = document.get("secrets").and_then(Node::as_mapping).into_iter().flatten();
            let contents = secrets.filter_map(|(_, entry)| entry.value.get("environment")?.as_str());
            self.secret.extend(contents.map(str::to_owned));
        }
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            self.open.extend(used(&Node::new(line, Span::default())).into_keys());
            // A key without a value takes the variable's.
            let name = line.strip_prefix("export ").unwrap_or(line).trim();
            if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                self.open.insert(name.to_owned());
            }
        }
    }

    /// Keys without a value in `environment` and `args`, and `environment` of configs.
    fn visit(&mut self, node: &Node) {
        match &node.value {
            Value::Sequence(items) => items.iter().for_each(|item| self.visit(item)),
            Value::Mapping(mapping) => {
                for (key, entry) in mapping.iter() {
                    match (key.as_str(), &entry.value.value) {
                        // Its `environment` is the content of a secret; nothing else of it takes variables without a dollar.
                        ("secrets", Value::Mapping(_)) => {}
                        ("environment", Value::String(name)) => {
                            self.open.insert(name.clone());
                        }
                        ("environment" | "args", Value::Sequence(items)) => {
                            let alone = items.iter().filter_map(Node::as_str).filter(|line| !line.contains('='));
                            self.open.extend(alone.map(str::to_owned));
                        }
                        ("environment" | "args", Value::Mapping(variables)) => {
                            let alone = variables.iter().filter(|(_, entry)| entry.value.is_null());
                            self.open.extend(alone.map(|(name, _)| name.clone()));
                        }
                        _ => self.visit(&entry.value),
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_wherever_a_file_may_use_them() {
        let mut names = Names::default();
        names.add(
            "services:\n  web:\n    image: nginx:$TAG\n    environment: [ALONE, SET=1, \"X=${IN}\"]\n    build: {args: {ARG: , SAID: x}}\n  \
             db: {image: x, environment: {NOTHING: , SOME: y}}\nconfigs: {c: {environment: CONFIG}}\nsecrets: {s: {environment: HIDDEN}}\n\
             # $COMMENT\n",
        );
        names.add("A=$FROM_FILE\nBARE\nexport EXPORTED\n# COMMENT\n");
        let open = ["ALONE", "ARG", "BARE", "CONFIG", "EXPORTED", "FROM_FILE", "IN", "NOTHING", "TAG"];
        assert_eq!(names.open, open.map(str::to_owned).into_iter().collect());
        assert_eq!(names.secret, ["HIDDEN".to_owned()].into_iter().collect());
    }
}
