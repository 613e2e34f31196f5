//! Every object name, label key and label value of the operator is made here, and only here.
//!
//! Compose names are `[a-zA-Z0-9._-]+` of any length; Kubernetes wants RFC 1123 labels. A name is put into lower case, every other
//! character becomes `-`, `-` is trimmed, and what is too long is cut and gets four hex digits of the hash of the original, so that the whole
//! name, with the longest suffix that it may get, fits its kind. Names that only differ in what is lost are found where objects are
//! collected, never resolved silently.

use std::fmt;

use crate::api::keys;

use super::hash;

/// Longest RFC 1123 label: Services, Jobs, and what pods are named after.
const LABEL: usize = 63;
/// Longest DNS subdomain: every other kind.
const SUBDOMAIN: usize = 253;
/// Hex digits of a Job's inputs in its name.
const JOB_DIGITS: usize = 8;
const PUBLISHED: &str = "--published";
const BIND: &str = "--bind-";
const PRE_START: &str = "--pre-start";
const ANONYMOUS: &str = "--anonymous-";
/// Room that a service's name leaves for its suffixes; 52 is also the limit of StatefulSets and CronJobs.
const SERVICE: usize = LABEL - PUBLISHED.len();

/// A legal name of an object: `[a-z0-9]([-a-z0-9]*[a-z0-9])?`, at most 253 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName(String);

/// A legal value of a label: empty or `[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?`, at most 63 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelValue(String);

/// Why a text is no legal name or label value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no legal name")]
pub struct Illegal(String);

impl ObjectName {
    /// Takes a text that is legal as it stands.
    pub fn new(text: &str) -> Result<Self, Illegal> {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let legal =
            !text.is_empty() && text.len() <= SUBDOMAIN && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-');
        if legal { Ok(Self(text.to_owned())) } else { Err(Illegal(text.to_owned())) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }

    /// What a service is called: its workload, its Service and the label that selects its pods. `None`: nothing legal is left.
    pub fn of_service(key: &str) -> Option<Self> {
        label_form(key, SERVICE).map(Self)
    }

    /// A further name of a service, where DNS can carry it: case apart, it must be legal as it stands.
    pub fn of_alias(alias: &str) -> Option<Self> {
        Self::new(&alias.to_ascii_lowercase()).ok().filter(|name| name.0.len() <= LABEL)
    }

    /// The Service (and the policy) of a service's published ports.
    #[must_use]
    pub fn published(&self) -> Self {
        self.companion(PUBLISHED)
    }

    /// The Service of those published ports that have a load balancer of their own.
    #[must_use]
    pub fn balancer(&self) -> Self {
        self.companion("--balancer")
    }

    /// The Service of those published ports that are to be on every node, whatever the others are on.
    #[must_use]
    pub fn node_port(&self) -> Self {
        self.companion("--nodeport")
    }

    /// The Service of those published ports to which something inside the cluster leads: an Ingress, a Gateway.
    #[must_use]
    pub fn cluster(&self) -> Self {
        self.companion("--cluster")
    }

    /// The Secret of a service's certificate, which somebody else writes.
    #[must_use]
    pub fn tls(&self) -> Self {
        self.companion("--tls")
    }

    /// The policy that keeps a service inside its networks, all of them internal.
    #[must_use]
    pub fn internal(&self) -> Self {
        self.companion("--internal")
    }

    /// The policy of a service with `network_mode: none`.
    #[must_use]
    pub fn closed(&self) -> Self {
        self.companion("--none")
    }

    /// The Job of a service at certain inputs.
    #[must_use]
    pub fn job(&self, inputs: &str) -> Self {
        self.companion(&format!("--{}", inputs.get(..JOB_DIGITS).unwrap_or(inputs)))
    }

    /// What the pods of the steps that run once before a service are labelled with.
    #[must_use]
    pub fn before(&self) -> Self {
        self.companion(PRE_START)
    }

    /// Whether pods with this label are those of steps that run once before a service.
    pub fn is_before(label: &str) -> bool {
        label.ends_with(PRE_START)
    }

    /// The Job of the steps that run once before a service, at certain inputs.
    #[must_use]
    pub fn pre_start(&self, inputs: &str) -> Self {
        self.cut_companion(&format!("{PRE_START}-{}", inputs.get(..JOB_DIGITS).unwrap_or(inputs)))
    }

    /// The container of a step before a service.
    pub fn step(&self, index: usize) -> String {
        self.cut_companion(&format!("{PRE_START}-{}", index + 1)).0
    }

    /// A companion whose suffix is longer than those that names leave room for.
    fn cut_companion(&self, suffix: &str) -> Self {
        let room = LABEL - suffix.len();
        let base = if self.0.len() <= room { self.0.clone() } else { cut(&self.0, &self.0, room) };
        Self(format!("{base}{suffix}"))
    }

    fn companion(&self, suffix: &str) -> Self {
        Self(format!("{}{suffix}", self.0))
    }

    /// The claim of a volume, by its engine-wide name (`<project>_<key>` or what the file says).
    pub fn of_claim(engine_name: &str) -> Option<Self> {
        label_form(engine_name, LABEL).map(Self)
    }

    /// The claim that stands for a directory of the project which a service may write to.
    pub fn of_bind(stack: &str, service: &str, target: &str) -> Option<Self> {
        Self::of_target(stack, service, BIND, target)
    }

    /// The claim of a volume without a name that services share.
    pub fn of_anonymous(stack: &str, service: &str, target: &str) -> Option<Self> {
        Self::of_target(stack, service, ANONYMOUS, target)
    }

    fn of_target(stack: &str, service: &str, kind: &str, target: &str) -> Option<Self> {
        let suffix = format!("{kind}{}", short_hash(target));
        label_form(&format!("{stack}-{service}"), LABEL - suffix.len()).map(|name| Self(format!("{name}{suffix}")))
    }

    /// A ConfigMap or Secret that is named by its content.
    pub fn of_content(stack: &str, name: &str, hash: &str) -> Self {
        let name = label_form(name, LABEL).unwrap_or_else(|| "file".to_owned());
        Self(format!("{stack}--{name}--{hash}"))
    }

    /// The policy of a network.
    pub fn of_network(stack: &str, network: &str) -> Option<Self> {
        label_form(network, LABEL).map(|network| Self(format!("{stack}--net-{network}")))
    }

    /// The name of an object that the file refers to by a name of the engine (`external: true`).
    pub fn of_external(name: &str) -> Option<Self> {
        if is_subdomain(name) { Some(Self(name.to_owned())) } else { label_form(name, SUBDOMAIN).map(Self) }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl LabelValue {
    /// Takes a text that is legal as it stands.
    pub fn new(text: &str) -> Result<Self, Illegal> {
        if text.is_empty() || is_qualified(text) { Ok(Self(text.to_owned())) } else { Err(Illegal(text.to_owned())) }
    }

    /// A label value for a text of any form: the text, or what is legal of it and a hash of the rest.
    pub fn of(text: &str) -> Self {
        Self::new(text).unwrap_or_else(|_| Self(hashed_form(text, LABEL)))
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

/// Key of the label that pods on a network carry. `None`: nothing legal is left of its name.
pub fn network_label(network: &str) -> Option<String> {
    label_form(network, LABEL - "net.".len()).map(|name| format!("{}{name}", keys::NETWORK_PREFIX))
}

/// Key of the label that pods on a network carry, by its engine-wide name.
pub fn network_name_label(engine_name: &str) -> String {
    label_key(keys::NETWORK_NAME_PREFIX, engine_name)
}

/// Key of the label by which a namespace offers an external network.
pub fn namespace_network_label(engine_name: &str) -> String {
    label_key(keys::NAMESPACE_NETWORK_PREFIX, engine_name)
}

/// Key of the label that the pods of several services with one alias carry.
pub fn alias_label(alias: &str) -> String {
    label_key(keys::ALIAS_PREFIX, alias)
}

/// Name of an init container that prepares something for a container.
pub fn helper_container(container: &str, task: &str) -> String {
    let suffix = format!("--{task}");
    format!("{}{suffix}", label_form(container, LABEL - suffix.len()).unwrap_or_default())
}

/// The name of a container's port: at most 15 characters with a letter among them.
pub fn port_name(text: &str) -> Option<String> {
    label_form(text, 15).filter(|name| name.chars().any(|c| c.is_ascii_alphabetic()) && !name.contains("--"))
}

/// Whether a text can stand as a name in a hosts file.
pub fn is_host_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= SUBDOMAIN && !text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '#' | '='))
}

/// Whether a text is a key that Kubernetes takes for labels and annotations: `[prefix/]name`.
pub fn is_label_key(key: &str) -> bool {
    match key.split_once('/') {
        None => is_qualified(key),
        Some((prefix, name)) => is_subdomain(prefix) && is_qualified(name),
    }
}

/// Whether a text can be a key of a ConfigMap or Secret: `[-._a-zA-Z0-9]+`, at most 253 characters.
pub fn is_content_key(key: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !key.is_empty() && key.len() <= SUBDOMAIN && key != "." && !key.starts_with("..") && key.chars().all(legal)
}

/// A key of a ConfigMap or Secret for a file of any name.
pub fn content_key(path: &str) -> String {
    if is_content_key(path) {
        return path.to_owned();
    }
    let legal = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let text: String = path.trim_start_matches(['.', '/']).chars().map(legal).take(200).collect();
    format!("{text}-{}", short_hash(path))
}

/// The RFC 1123 label of a text, at most `limit` characters. `None`: nothing legal is left.
pub fn label_form(text: &str, limit: usize) -> Option<String> {
    let legal = legal_form(text);
    if legal.is_empty() {
        return None;
    }
    Some(if legal.len() <= limit { legal } else { cut(&legal, text, limit) })
}

fn label_key(prefix: &str, text: &str) -> String {
    let inner = prefix.split_once('/').map_or(0, |(_, name)| name.len());
    let limit = LABEL - inner;
    // A name that ends in `-`, `.` or `_` is no legal end of a key either, while the prefix makes any legal character a legal start.
    if is_qualified(text) && text.len() <= limit { format!("{prefix}{text}") } else { format!("{prefix}{}", hashed_form(text, limit)) }
}

fn legal_form(text: &str) -> String {
    let legal = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    text.chars().map(legal).collect::<String>().trim_matches('-').to_owned()
}

fn hashed_form(text: &str, limit: usize) -> String {
    let legal = legal_form(text);
    if legal.is_empty() { short_hash(text) } else { cut(&legal, text, limit) }
}

fn cut(legal: &str, original: &str, limit: usize) -> String {
    let hash = short_hash(original);
    let room = limit - hash.len() - 1;
    let head = legal.get(..room).unwrap_or(legal).trim_end_matches('-');
    format!("{head}-{hash}")
}

fn short_hash(text: &str) -> String {
    let mut hash = hash::of_bytes(text.as_bytes());
    hash.truncate(4);
    hash
}

fn is_qualified(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let end = |c: char| c.is_ascii_alphanumeric();
    text.len() <= LABEL && text.chars().all(inner) && text.starts_with(end) && text.ends_with(end)
}

/// Whether a text is an RFC 1123 subdomain.
pub fn is_subdomain(text: &str) -> bool {
    !text.is_empty() && text.len() <= SUBDOMAIN && text.split('.').all(|part| part.len() <= LABEL && ObjectName::new(part).is_ok())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that fails says where")]
mod tests {
    use super::*;

    #[track_caller]
    fn check(key: &str, expected: Option<&str>) {
        assert_eq!(ObjectName::of_service(key).as_ref().map(ObjectName::as_str), expected, "{key}");
    }

    #[test]
    fn service_keys_become_dns_labels() {
        check("web", Some("web"));
        check("mysql_container", Some("mysql-container"));
        check("HAProxy", Some("haproxy"));
        check("a.b_c-d", Some("a-b-c-d"));
        check("_x_", Some("x"));
        check("2048", Some("2048"));
        check("___", None);
    }

    #[test]
    fn long_names_are_cut_so_that_every_suffix_fits_and_stay_apart() {
        let one = ObjectName::of_service(&"a".repeat(80)).unwrap();
        let two = ObjectName::of_service(&"a".repeat(81)).unwrap();
        assert_ne!(one, two);
        assert_eq!(one.published().as_str().len(), 63);
        assert!(one.job("0123456789abcdef").as_str().len() <= 63);
        check(&"b".repeat(52), Some(&"b".repeat(52)));
    }

    #[test]
    fn companions_have_two_dashes() {
        let web = ObjectName::of_service("web").unwrap();
        assert_eq!(web.published().as_str(), "web--published");
        assert_eq!(web.job("0123456789abcdef").as_str(), "web--01234567");
        assert_eq!(web.pre_start("0123456789abcdef").as_str(), "web--pre-start-01234567");
        assert_eq!((web.before().as_str(), &*web.step(0)), ("web--pre-start", "web--pre-start-1"));
        let long = ObjectName::of_service(&"w".repeat(80)).unwrap();
        assert!([long.before(), long.pre_start("0123456789abcdef")].iter().all(|name| name.as_str().len() <= 63));
        assert!(long.step(11).len() <= 63);
        assert_eq!(ObjectName::of_content("shop", "nginx.conf", "abc").as_str(), "shop--nginx-conf--abc");
        assert_eq!(ObjectName::of_network("pack", "ZXQ").unwrap().as_str(), "pack--net-zxq");
        assert_eq!(ObjectName::of_claim("swarm-test_database_volume").unwrap().as_str(), "swarm-test-database-volume");
    }

    #[test]
    fn objects_that_exist_are_looked_up_under_their_own_name_where_it_is_legal() {
        for (name, expected) in [("app.properties", "app.properties"), ("my_config", "my-config"), ("TLS", "tls")] {
            assert_eq!(ObjectName::of_external(name).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn only_names_that_dns_carries_become_aliases() {
        assert_eq!(ObjectName::of_alias("DB").unwrap().as_str(), "db");
        for illegal in ["my_db", "db.local", "-db", &"x".repeat(64)] {
            assert_eq!(ObjectName::of_alias(illegal), None, "{illegal}");
        }
    }

    #[test]
    fn label_keys_keep_what_is_legal_and_hash_the_rest() {
        assert_eq!(network_label("ZXQ").unwrap(), "compose-operator.dev/net.zxq");
        assert_eq!(network_name_label("my-pre_existing.Net"), "compose-operator.dev/net-name.my-pre_existing.Net");
        let long = network_name_label(&"n".repeat(80));
        assert!(is_label_key(&long), "{long}");
        assert!(is_label_key(&network_name_label("bad name_")));
        assert!(is_label_key(&alias_label("_db_")));
        assert_ne!(alias_label("a/b"), alias_label("a_b"));
    }

    #[test]
    fn label_values_are_legal_whatever_the_text() {
        for text in ["web", "my_db", "_x_", "", "ä", &"y".repeat(90)] {
            let value = LabelValue::of(text).into_string();
            assert!(LabelValue::new(&value).is_ok(), "{text}: {value}");
        }
        assert_eq!(LabelValue::of("my_db").into_string(), "my_db");
    }

    #[test]
    fn keys_of_labels_and_annotations_are_judged_as_the_api_server_does() {
        for legal in ["a", "traefik.http.routers.web.rule", "example.com/x", "com.example.a_b"] {
            assert!(is_label_key(legal), "{legal}");
        }
        for illegal in ["", "-a", "a b", "Example_/x", "a/b/c", "/x", "x/", &"k".repeat(64)] {
            assert!(!is_label_key(illegal), "{illegal}");
        }
    }

    #[test]
    fn files_of_any_name_get_a_key() {
        assert_eq!(content_key("nginx.conf"), "nginx.conf");
        for path in ["conf/a b.txt", "..data", "ä", "a/b", "a-b/c"] {
            assert!(is_content_key(&content_key(path)), "{path}: {}", content_key(path));
        }
        assert_ne!(content_key("a/b"), content_key("a b"));
    }
}
