//! The one table of every attribute of the Compose specification: what may be written, what it becomes, how `config` prints it.
//!
//! The tables stand in `service` and `resource`; [`validate`] checks a tree against them, [`walk`] visits the attributes of a tree,
//! `conform` turns written values into the values that they mean.

mod resource;
mod service;
mod validate;

pub use resource::ROOT;
pub use service::{CONTAINER, SERVICE};
pub use validate::{is_name, validate};

use crate::yaml::{Mapping, Node, Value};

use super::path::Place;

/// Types that an attribute may be written in, as a set of bits.
pub type Types = u8;
pub const NULL: Types = 1;
pub const BOOL: Types = 2;
pub const INT: Types = 4;
/// Any number; holds [`INT`].
pub const NUM: Types = 8 | INT;
pub const STR: Types = 16;
pub const LIST: Types = 32;
pub const MAP: Types = 64;

/// What an attribute means.
#[derive(Clone, Copy)]
pub enum Kind {
    Text,
    Choice(&'static [&'static str]),
    PullPolicy,
    ContainerName,
    Flag,
    /// A flag that is true unless it is switched off.
    OptOut,
    /// Between the two bounds.
    Int(i64, i64),
    Float,
    /// A size in bytes, from a smallest number on.
    Bytes(i64),
    /// Octal permissions of a config or secret.
    Mode,
    /// A number of devices, or `all`.
    Count,
    Duration,
    Command,
    HealthTest,
    /// A list of texts; whether it must not repeat itself.
    Texts(bool),
    /// A list of texts and numbers.
    Mixed,
    /// Texts by key; nothing is an empty text.
    Labels,
    /// Texts by key; nothing stays nothing.
    Environment,
    /// Texts by key, as a mapping alone, written in these types.
    Options(Types),
    /// Texts by key, as a mapping of texts alone.
    Strings,
    /// Lists of texts by key.
    MultiOptions,
    Hosts,
    Ssh,
    External,
    /// Limits, each written in these types.
    Ulimits(Types),
    /// A mapping with attributes of its own.
    Object(&'static Object),
    /// A mapping that is printed even where it wasn't written.
    Struct(&'static Object),
    /// A list of mappings.
    Objects(&'static Object),
    /// Mappings by name.
    Keyed(&'static Keyed),
}

/// Mappings under names that the user chooses.
pub struct Keyed {
    pub object: &'static Object,
    /// Whether an entry may be nothing.
    pub nullable: bool,
}

/// When `config` prints an attribute.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Printed {
    /// Where it is not false, 0 or empty.
    Set,
    /// Wherever it is written.
    Written,
    /// Always.
    Always,
}

/// One attribute.
pub struct Attribute {
    pub name: &'static str,
    pub kind: Kind,
    pub types: Types,
    /// For lists, the types of items.
    pub items: Types,
    /// When `config` prints it.
    pub printed: Printed,
}

impl Attribute {
    /// An attribute in the types that are usual for its kind.
    const fn new(name: &'static str, kind: Kind) -> Self {
        let types = match kind {
            Kind::Text | Kind::Choice(_) | Kind::PullPolicy | Kind::ContainerName | Kind::Duration => STR,
            Kind::Flag | Kind::OptOut => BOOL | STR,
            Kind::Int(..) | Kind::Bytes(_) | Kind::Count | Kind::Mode => INT | STR,
            Kind::Float => NUM | STR,
            Kind::Command => NULL | STR | LIST,
            Kind::HealthTest => STR | LIST,
            Kind::Texts(_) | Kind::Mixed | Kind::Objects(_) => LIST,
            Kind::Labels | Kind::Environment | Kind::Hosts | Kind::Ssh => MAP | LIST,
            Kind::Options(_)
            | Kind::Strings
            | Kind::MultiOptions
            | Kind::Object(_)
            | Kind::Struct(_)
            | Kind::Keyed(_)
            | Kind::Ulimits(_) => MAP,
            Kind::External => BOOL | STR | MAP,
        };
        Self { name, kind, types, items: MAP, printed: if matches!(kind, Kind::Mode) { Printed::Written } else { Printed::Set } }
    }

    const fn types(self, types: Types) -> Self {
        Self { types, ..self }
    }

    const fn items(self, items: Types) -> Self {
        Self { items, ..self }
    }

    const fn zero(self) -> Self {
        Self { printed: Printed::Written, ..self }
    }

    const fn always(self) -> Self {
        Self { printed: Printed::Always, ..self }
    }
}

/// A mapping with fixed attributes.
pub struct Object {
    pub attributes: &'static [&'static [Attribute]],
    pub required: &'static [&'static str],
    /// Whether `x-*` keys are allowed.
    pub extensions: bool,
    /// Whether the specification's schema lets unknown keys pass; they have no effect.
    pub open: bool,
    /// Whether `x-*` keys, where they are allowed, are left out of what is printed.
    pub silent: bool,
}

impl Object {
    const fn new(attributes: &'static [&'static [Attribute]]) -> Self {
        Self { attributes, required: &[], extensions: true, open: false, silent: false }
    }

    const fn required(self, required: &'static [&'static str]) -> Self {
        Self { required, ..self }
    }

    const fn without_extensions(self) -> Self {
        Self { extensions: false, ..self }
    }

    const fn open(self) -> Self {
        Self { open: true, ..self }
    }

    const fn silent(self) -> Self {
        Self { silent: true, ..self }
    }

    /// Every attribute.
    pub fn all(&self) -> impl Iterator<Item = &'static Attribute> + use<> {
        self.attributes.iter().flat_map(|part| part.iter())
    }

    /// The attribute of a name.
    pub fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.all().find(|attribute| attribute.name == name)
    }
}

/// Visits every attribute that is written below a node, the outer ones first.
pub fn walk(object: &'static Object, node: &mut Node, path: &Place<'_>, visit: &mut impl FnMut(&'static Attribute, &mut Node, &Place<'_>)) {
    let Some(mapping) = node.as_mapping_mut() else { return };
    for (key, entry) in mapping.iter_mut() {
        let Some(attribute) = object.attribute(key) else { continue };
        let path = path.key(key);
        visit(attribute, &mut entry.value, &path);
        descend(attribute, &mut entry.value, &path, visit);
    }
}

fn descend(attribute: &Attribute, node: &mut Node, path: &Place<'_>, visit: &mut impl FnMut(&'static Attribute, &mut Node, &Place<'_>)) {
    match attribute.kind {
        Kind::Object(object) | Kind::Struct(object) => walk(object, node, path, visit),
        Kind::Objects(object) => {
            for (index, item) in node.as_sequence_mut().into_iter().flatten().enumerate() {
                walk(object, item, &path.index(index), visit);
            }
        }
        Kind::Keyed(keyed) => {
            for (key, entry) in node.as_mapping_mut().into_iter().flat_map(Mapping::iter_mut) {
                walk(keyed.object, &mut entry.value, &path.key(key), visit);
            }
        }
        _ => {}
    }
}

/// The bit of a value's type.
fn type_of(value: &Value) -> Types {
    match value {
        Value::Null => NULL,
        Value::Bool(_) => BOOL,
        Value::Int(_) | Value::Uint(_) => INT,
        Value::Float(value) if value.fract() == 0.0 => NUM,
        Value::Float(_) => NUM & !INT,
        Value::String(_) => STR,
        Value::Sequence(_) => LIST,
        Value::Mapping(_) => MAP,
    }
}
