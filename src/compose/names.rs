//! Lists whose items are names, such as `environment: ["$NAME=x"]`: a name shows in paths and messages, so it must not come from a Secret.

use crate::yaml::{Node, Value};

use super::path::{Path, Place, Step};
use super::problems::Problems;
use super::schema::{self, Kind};

/// The items whose name holds a variable; to be asked before interpolation.
pub fn with_variables(document: &mut Node) -> Vec<Path> {
    let mut found = Vec::new();
    schema::walk(&schema::ROOT, document, &Place::Root, &mut |attribute, node, path| {
        if !matches!(attribute.kind, Kind::Labels | Kind::Environment | Kind::Keyed(_) | Kind::Hosts | Kind::Ssh) {
            return;
        }
        for (index, item) in node.as_sequence().into_iter().flatten().enumerate() {
            let name = item.as_str().map(|line| line.split_once('=').map_or(line, |(name, _)| name));
            if name.is_some_and(|name| name.contains('$')) {
                found.push(path.index(index).to_path());
            }
        }
    });
    found
}

/// Refuses those that came out tainted.
pub fn refuse_tainted(document: &mut Node, places: &[Path], problems: &mut Problems) {
    for path in places {
        if let Some(node) = at(document, &path.steps()).filter(|node| node.tainted) {
            problems.error("tainted-name", path, node.span, "a name must not come from a Secret");
            node.value = Value::String("***".to_owned());
        }
    }
}

fn at<'a>(node: &'a mut Node, steps: &[&Step]) -> Option<&'a mut Node> {
    match steps {
        [] => Some(node),
        [Step::Key(key), rest @ ..] => at(node.get_mut(key)?, rest),
        [Step::Index(index), rest @ ..] => at(node.as_sequence_mut()?.get_mut(*index)?, rest),
    }
}
