//! A project as `docker compose config` prints it.

mod hash;
mod json;
mod order;
mod yaml;

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use crate::yaml::{Entry, Mapping, Node, Value, rfc3339, to_json};

use super::checks::RESOLVED;
use super::model::{EnvFile, Project, Service};
use super::problems::Problems;
use super::resolve::Resolver;
use super::schema::{Attribute, Kind, Object, Printed, ROOT, SERVICE};

pub use hash::hash;

/// What the reference prints differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Yaml,
}

/// How to print.
#[derive(Clone, Debug)]
pub struct Options {
    pub format: Format,
    /// What relative paths are made absolute with; without it they stay relative.
    pub working_dir: Option<String>,
    /// Whether the variables of env files stand in `environment`, and `env_file` is left out.
    pub fold_env_files: bool,
    /// Whether the files were interpolated; if not, the tree is printed as it is.
    pub interpolated: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { format: Format::Json, working_dir: None, fold_env_files: true, interpolated: true }
    }
}

/// The project as a value whose keys stand in the reference's order.
pub fn value(project: &Project, options: &Options) -> Json {
    let root = resolved(project, options);
    if !options.interpolated {
        return free(&root, options.format);
    }
    // JSON has no form for the path of an ssh key: as in the reference, such a project is the YAML form in JSON.
    let format = if project.services.values().any(has_ssh_path) { Format::Yaml } else { options.format };
    let printer = Printer { format };
    let mut json = printer.object(&ROOT, &root);
    if format == Format::Json {
        json.remove("models");
        json.extend(project.extensions.iter().map(|(key, node)| (key.clone(), free(node, format))));
        json.sort_keys();
    }
    let mut json = Json::Object(json);
    escape(&mut json);
    json
}

/// A printed project as text, to the byte as docker compose writes it.
pub fn text(value: &Json, format: Format) -> String {
    match format {
        Format::Json => json::pretty(value),
        Format::Yaml => yaml::text(value),
    }
}

/// Each service in JSON, its keys in the reference's order and `$` as it is.
pub fn services(project: &Project, options: &Options) -> Vec<(String, Map<String, Json>)> {
    let root = resolved(project, options);
    let services = root.get("services").and_then(Node::as_mapping).into_iter().flatten();
    services.map(|(name, entry)| (name.clone(), Printer { format: Format::Json }.object(&SERVICE, &entry.value))).collect()
}

/// The tree with env files and paths as the options want them.
fn resolved(project: &Project, options: &Options) -> Node {
    let mut root = project.root.clone();
    if options.fold_env_files {
        fold(&mut root, project);
    }
    if let Some(base) = &options.working_dir {
        Resolver { base, home: None }.resolve(&mut root, &mut Problems::default());
    }
    root
}

fn has_ssh_path(service: &Service) -> bool {
    let keys = service.build.as_ref().and_then(|build| build.node.get("ssh")?.as_mapping());
    keys.into_iter().flat_map(Mapping::values).any(|entry| entry.value.scalar_text().is_some_and(|path| !path.is_empty()))
}

/// Doubles every `$`, so that the output can be read again.
fn escape(json: &mut Json) {
    match json {
        Json::String(text) => *text = text.replace('$', "$$"),
        Json::Array(items) => items.iter_mut().for_each(escape),
        Json::Object(object) => {
            *object = std::mem::take(object)
                .into_iter()
                .map(|(key, mut value)| {
                    escape(&mut value);
                    (key.replace('$', "$$"), value)
                })
                .collect();
        }
        _ => {}
    }
}

/// Puts the variables of env files under those of `environment`.
fn fold(root: &mut Node, project: &Project) {
    super::tree::each(root, "services", |node, path| {
        let Some(service) = path.parts().as_slice().get(1).and_then(|name| project.services.get(*name)) else { return };
        fold_into(node, &service.env_files, &service.environment);
        let hooks = node.get_mut("pre_start").and_then(Node::as_sequence_mut).into_iter().flatten();
        for (node, hook) in hooks.zip(&service.pre_start) {
            fold_into(node, &hook.container.env_files, &hook.container.environment);
        }
    });
}

fn fold_into(container: &mut Node, files: &[EnvFile], own: &IndexMap<String, Option<String>>) {
    if files.is_empty() {
        return;
    }
    super::tree::remove(container, "env_file");
    let entry = |value: Value| Entry { value: Node::new(value, container.span), ..Entry::default() };
    let mut environment = Mapping::default();
    for (key, value) in files.iter().filter_map(|file| file.variables.as_ref()).flatten() {
        environment.insert(key.clone(), entry(value.clone().into()));
    }
    for (key, value) in own {
        environment.insert(key.clone(), entry(value.clone().map_or(Value::Null, Value::String)));
    }
    let environment = Node::new(Value::from(environment), container.span);
    super::tree::put(container, "environment", environment);
}

struct Printer {
    format: Format,
}

impl Printer {
    fn object(&self, object: &'static Object, node: &Node) -> Map<String, Json> {
        let mut entries: Vec<(String, Json)> = Vec::new();
        for attribute in object.all() {
            let value = node.get(attribute.name).filter(|value| !value.is_null());
            let always = attribute.printed == Printed::Always;
            let printed = match (value, attribute.kind) {
                (Some(value), _) => self.attribute(attribute, value),
                (None, Kind::Struct(inner)) if self.format == Format::Json => Some(Json::Object(self.object(inner, &Node::default()))),
                (None, Kind::Command) if self.format == Format::Json => Some(Json::Null),
                (None, Kind::Keyed(_)) if always => Some(Json::Object(Map::new())),
                (None, Kind::Int(..)) if always => Some(Json::from(0)),
                (None, Kind::Bytes(_)) if always => Some(Json::from("0")),
                (None, Kind::Text | Kind::Choice(_)) if always => Some(Json::String(String::new())),
                (None, _) => None,
            };
            if let Some(printed) = printed {
                entries.push((self.key(object, attribute.name), printed));
            }
        }
        if self.format == Format::Yaml && object.extensions && !object.silent {
            let extensions = node.as_mapping().into_iter().flatten().filter(|(key, _)| key.starts_with("x-") && *key != RESOLVED);
            entries.extend(self.in_order(extensions.map(|(key, entry)| (key.clone(), free(&entry.value, self.format)))));
        }
        entries.into_iter().collect()
    }

    /// Entries under keys that users choose, in the order of their keys.
    fn in_order(&self, entries: impl Iterator<Item = (String, Json)>) -> Map<String, Json> {
        in_order(entries, self.format)
    }

    /// The reference prints the keys of block devices in JSON with a capital letter.
    fn key(&self, object: &Object, name: &str) -> String {
        let block_device =
            object.attribute("path").is_some() && (object.attribute("rate").is_some() || object.attribute("weight").is_some());
        if self.format == Format::Json && block_device { name[..1].to_uppercase() + &name[1..] } else { name.to_owned() }
    }

    fn attribute(&self, attribute: &Attribute, node: &Node) -> Option<Json> {
        let zero = attribute.printed != Printed::Set;
        let json = match attribute.kind {
            Kind::Object(object) => return Some(Json::Object(self.object(object, node))),
            Kind::Struct(object) => {
                let inner = self.object(object, node);
                return (self.format == Format::Json || !inner.is_empty()).then_some(Json::Object(inner));
            }
            Kind::Objects(object) => {
                node.as_sequence()?.iter().map(|item| Json::Object(self.object(object, item))).collect::<Vec<_>>().into()
            }
            Kind::Keyed(keyed) => {
                let entries = node.as_mapping()?.iter().map(|(key, entry)| {
                    let value = if entry.value.is_null() { Json::Null } else { Json::Object(self.object(keyed.object, &entry.value)) };
                    (key.clone(), value)
                });
                Json::Object(self.in_order(entries))
            }
            Kind::Bytes(_) => Json::String(node.as_i64().filter(|size| *size != 0 || zero)?.to_string()),
            Kind::Mode => Json::String(octal(node.as_i64()?)),
            Kind::OptOut => return (node.as_bool() == Some(false)).then_some(Json::Bool(false)),
            Kind::Duration => node.as_str().filter(|text| zero || *text != "0s").map(Json::from)?,
            Kind::Ulimits(_) => self.ulimits(node),
            Kind::Ssh => ssh(node),
            Kind::Command => return Some(to_json(node)),
            _ => sorted(node, self.format),
        };
        (zero || !is_zero(&json)).then_some(json)
    }

    /// A single limit of 0 is printed as no limit at all; YAML has both limits of a pair, JSON those that are not 0.
    fn ulimits(&self, node: &Node) -> Json {
        let pair = |mapping: Option<&Mapping>| {
            let limit = |key| (key, mapping.and_then(|mapping| mapping.get(key)?.value.as_i64()).unwrap_or_default());
            let limits = [limit("soft"), limit("hard")].into_iter().filter(|(_, limit)| self.format == Format::Yaml || *limit != 0);
            Json::Object(limits.map(|(key, limit)| (key.to_owned(), Json::from(limit))).collect())
        };
        let printed = |node: &Node| match node.as_i64() {
            Some(limit) if limit != 0 => Json::from(limit),
            _ => pair(node.as_mapping()),
        };
        let entries = node.as_mapping().into_iter().flatten().map(|(key, entry)| (key.clone(), printed(&entry.value)));
        Json::Object(self.in_order(entries))
    }
}

fn in_order(entries: impl Iterator<Item = (String, Json)>, format: Format) -> Map<String, Json> {
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by(|(a, _), (b, _)| match format {
        Format::Json => a.cmp(b),
        Format::Yaml => order::natural(a, b),
    });
    entries.into_iter().collect()
}

/// A mode as the reference writes it, sign and all.
fn octal(mode: i64) -> String {
    format!("0{}{:o}", if mode < 0 { "-" } else { "" }, mode.unsigned_abs())
}

/// Keys as `id: path`, an agent as `id` alone.
fn ssh(node: &Node) -> Json {
    let line = |(key, entry): (&String, &Entry)| match entry.value.scalar_text() {
        Some(path) if !path.is_empty() => format!("{key}: {path}"),
        _ => key.clone(),
    };
    node.as_mapping().into_iter().flatten().map(line).collect::<Vec<_>>().into()
}

/// A value of an attribute as it is, with its keys in order.
fn sorted(node: &Node, format: Format) -> Json {
    match &node.value {
        Value::Sequence(items) => items.iter().map(|item| sorted(item, format)).collect(),
        Value::Mapping(mapping) => {
            Json::Object(in_order(mapping.iter().map(|(key, entry)| (key.clone(), sorted(&entry.value, format))), format))
        }
        _ => to_json(node),
    }
}

/// The same of a value that no attribute says anything about, whose times stay times.
fn free(node: &Node, format: Format) -> Json {
    match &node.value {
        Value::String(text) if node.is_timestamp() => rfc3339(text).into(),
        Value::Sequence(items) => items.iter().map(|item| free(item, format)).collect(),
        Value::Mapping(mapping) => {
            Json::Object(in_order(mapping.iter().map(|(key, entry)| (key.clone(), free(&entry.value, format))), format))
        }
        _ => to_json(node),
    }
}

fn is_zero(json: &Json) -> bool {
    match json {
        Json::Null => true,
        Json::Bool(value) => !value,
        Json::Number(number) => number.as_f64() == Some(0.0),
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(object) => object.is_empty(),
    }
}
