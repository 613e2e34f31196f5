//! Compose files of version 1: every top-level key a service.

use crate::yaml::{Entry, Mapping, Node, Value};

use super::path::Place;
use super::problems::Problems;
use super::tree::{derived, has, made, made_mapping, put, remove};

/// Rewrites a file of version 1 as the specification has it now. Other files stay.
pub fn upgrade(document: &mut Node, problems: &mut Problems) {
    if !is_version_1(document) {
        return;
    }
    let mut services = std::mem::take(document);
    let span = services.span;
    let version = remove(&mut services, "version");
    problems.warn("version-1", &Place::Root, span, "is a file of version 1, which has no \"services\" key; all services share one network");
    let mut volumes = Mapping::default();
    for entry in services.as_mapping_mut().into_iter().flat_map(Mapping::values_mut) {
        service(&mut entry.value, &mut volumes);
    }
    let mut root = Mapping::default();
    if let Some(version) = version {
        root.insert("version".to_owned(), Entry { key_span: version.span, value: version });
    }
    root.insert("services".to_owned(), Entry { key_span: span, value: services });
    if !volumes.is_empty() {
        root.insert("volumes".to_owned(), Entry { key_span: span, value: Node::new(Value::from(volumes), span) });
    }
    *document = Node::new(Value::from(root), span);
}

/// No section that a later version knows, and nothing but services.
fn is_version_1(document: &Node) -> bool {
    let Some(mapping) = document.as_mapping() else { return false };
    let mut services = mapping.iter().filter(|(key, _)| *key != "version").peekable();
    services.peek().is_some()
        && services.all(|(key, entry)| {
            let body = &entry.value;
            !is_section(key) && ["image", "build", "extends"].iter().any(|key| has(body, key))
        })
}

fn is_section(key: &str) -> bool {
    matches!(key, "name" | "include" | "services" | "jobs" | "networks" | "volumes" | "configs" | "secrets" | "models")
        || key.starts_with("x-")
}

fn service(node: &mut Node, volumes: &mut Mapping) {
    if let Some(dockerfile) = remove(node, "dockerfile") {
        let context = remove(node, "build").unwrap_or_else(|| made(".", &dockerfile));
        put(node, "build", made_mapping([("context", context), ("dockerfile", dockerfile)], node));
    }
    if let Some(mode) = remove(node, "net") {
        let renamed = mode
            .as_str()
            .map(|text| text.strip_prefix("container:").map_or_else(|| text.to_owned(), |service| format!("service:{service}")));
        put(node, "network_mode", renamed.map_or_else(|| mode.clone(), |text| derived(text, &mode)));
    }
    let (driver, options) = (remove(node, "log_driver"), remove(node, "log_opt"));
    if driver.is_some() || options.is_some() {
        let parts = [("driver", driver), ("options", options)].into_iter().filter_map(|(key, value)| Some((key, value?)));
        put(node, "logging", made_mapping(parts, node));
    }
    let driver = remove(node, "volume_driver");
    for mount in node.get("volumes").and_then(Node::as_sequence).into_iter().flatten() {
        if let Some((name, _)) = mount.as_str().and_then(|short| short.split_once(':'))
            && super::schema::is_name(name)
            && !name.starts_with('.')
        {
            let body = driver.as_ref().map_or_else(|| made(Value::Null, mount), |driver| made_mapping([("driver", driver.clone())], mount));
            volumes.entry(name.to_owned()).or_insert(Entry { key_span: mount.span, value: body });
        }
    }
}

/// YAML 1.1, through which structured files often come, has made a boolean of `restart: no`.
pub fn mend_booleans(document: &mut Node) {
    super::tree::each(document, "services", |service, _| {
        if let Some(restart) = service.get_mut("restart").filter(|restart| restart.as_bool() == Some(false)) {
            restart.value = Value::from("no");
        }
    });
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::compose::tree::text;
    use crate::yaml::{FileId, parse};

    fn upgraded(text: &str) -> (Node, usize) {
        let (mut documents, _) = parse(text, FileId::default());
        let mut problems = Problems::default();
        let mut document = documents.remove(0);
        upgrade(&mut document, &mut problems);
        (document, problems.into_diagnostics().len())
    }

    #[test]
    fn a_file_of_version_1_becomes_services() {
        let (root, warnings) = upgraded(
            "web:\n  build: .\n  dockerfile: D\n  net: container:db\n  log_driver: syslog\n  volumes: [data:/d, ./x:/x]\ndb: {image: redis}\n",
        );
        let web = root.get("services").and_then(|services| services.get("web")).unwrap();
        assert_eq!(web.at("build.dockerfile").and_then(Node::as_str), Some("D"));
        assert_eq!(text(web, "network_mode"), Some("service:db"));
        assert_eq!(web.at("logging.driver").and_then(Node::as_str), Some("syslog"));
        assert_eq!(
            root.get("volumes").and_then(Node::as_mapping).map(|volumes| volumes.keys().cloned().collect::<Vec<_>>()),
            Some(vec!["data".to_owned()])
        );
        assert_eq!(warnings, 1);
    }

    #[test]
    fn other_files_stay_as_they_are() {
        for text in ["services: {web: {image: x}}", "web: {image: x}\nnetworks: {a: {}}", "web: {command: x}", "{}", "x-a: {image: x}"] {
            let (documents, _) = parse(text, FileId::default());
            assert_eq!((documents[0].clone(), 0), upgraded(text), "{text}");
        }
    }
}
