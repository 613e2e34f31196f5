//! Attributes of the top level, of networks, volumes, configs, secrets and models.

use super::service::{JOB, SERVICE};
use super::{Attribute, INT, Keyed, Kind, LIST, MAP, NUM, Object, STR, Types};

const fn text(name: &'static str) -> Attribute {
    Attribute::new(name, Kind::Text)
}
const fn flag(name: &'static str) -> Attribute {
    Attribute::new(name, Kind::Flag)
}
const fn labels(name: &'static str) -> Attribute {
    Attribute::new(name, Kind::Labels)
}
const fn options(types: Types) -> Attribute {
    Attribute::new("driver_opts", Kind::Options(types))
}
const EXTERNAL: Attribute = Attribute::new("external", Kind::External);

/// A whole Compose file.
pub const ROOT: Object = Object::new(&[&[
    // Nothing is read from it: a number without quotes is as good.
    text("version").types(STR | NUM),
    text("name"),
    Attribute::new("include", Kind::Objects(&INCLUDE)).items(STR | MAP),
    Attribute::new("services", Kind::Keyed(&Keyed { object: &SERVICE, nullable: false })).always(),
    Attribute::new("jobs", Kind::Keyed(&Keyed { object: &JOB, nullable: false })),
    Attribute::new("networks", Kind::Keyed(&Keyed { object: &NETWORK, nullable: true })),
    Attribute::new("volumes", Kind::Keyed(&Keyed { object: &VOLUME, nullable: true })),
    Attribute::new("secrets", Kind::Keyed(&Keyed { object: &SECRET, nullable: false })),
    Attribute::new("configs", Kind::Keyed(&Keyed { object: &CONFIG, nullable: false })),
    Attribute::new("models", Kind::Keyed(&Keyed { object: &MODEL, nullable: false })),
]]);

const INCLUDE: Object = Object::new(&[&[
    Attribute::new("path", Kind::Texts(true)).types(STR | LIST),
    Attribute::new("env_file", Kind::Texts(true)).types(STR | LIST),
    text("project_directory"),
]])
.without_extensions();

const NETWORK: Object = Object::new(&[&[
    text("name"),
    text("driver"),
    options(NUM | STR),
    Attribute::new(
        "ipam",
        Kind::Struct(&Object::new(&[&[
            text("driver"),
            Attribute::new(
                "config",
                Kind::Objects(&Object::new(&[&[
                    text("subnet"),
                    text("gateway"),
                    text("ip_range"),
                    Attribute::new("aux_addresses", Kind::Strings),
                ]])),
            ),
            Attribute::new("options", Kind::Strings),
        ]])),
    ),
    EXTERNAL,
    flag("internal"),
    flag("attachable"),
    labels("labels"),
    flag("enable_ipv4").zero(),
    flag("enable_ipv6").zero(),
]]);

const VOLUME: Object = Object::new(&[&[text("name"), text("driver"), options(NUM | STR), EXTERNAL, labels("labels")]]);

const CONFIG: Object = Object::new(&[&[
    text("name"),
    text("file"),
    text("environment"),
    text("content"),
    EXTERNAL,
    labels("labels"),
    text("template_driver"),
]]);

const SECRET: Object = Object::new(&[&[
    text("name"),
    text("file"),
    text("environment"),
    EXTERNAL,
    labels("labels"),
    text("driver"),
    options(INT | STR),
    text("template_driver"),
]]);

const MODEL: Object = Object::new(&[&[
    text("name"),
    text("model"),
    Attribute::new("context_size", Kind::Int(i64::MIN, i64::MAX)).types(INT),
    Attribute::new("runtime_flags", Kind::Texts(false)),
]])
.required(&["model"]);

/// `external` may be a mapping with a name alone.
pub static EXTERNAL_NAME: Object = Object::new(&[&[text("name")]]);
/// The same for configs and secrets, where the specification's schema lets other keys pass.
pub static EXTERNAL_NAME_OPEN: Object = Object::new(&[&[text("name")]]).open();
