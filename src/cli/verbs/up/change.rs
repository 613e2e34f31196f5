//! What `up` makes of a stack's spec.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::api::{ComposeStack, ComposeStackSpec};
use crate::cli::verbs::known;
use crate::cli::verbs::overrides::{self, REPLICAS, STOPPED, Spec};

/// Fields that hold the project.
const PROJECT: [&str; 8] = ["compose", "composeFiles", "composeObject", "files", "binaryFiles", "filesFrom", "variables", "variablesFrom"];
/// Fields that flags may set.
const SETTINGS: [&str; 2] = ["publish", "networkPolicy"];
const VOLUMES: &str = "volumes";
const PROFILES: &str = "profiles";

/// Which services are started.
#[derive(Clone, Copy, Debug)]
pub enum Started<'a> {
    All,
    /// These, with what they depend on; all others stay as they are, and those that are new are stopped.
    These(&'a [String]),
}

/// What a stack is to become.
pub struct Change<'a> {
    /// What the project and the flags say.
    pub packed: &'a ComposeStackSpec,
    /// The active services of the project, and the others.
    pub services: &'a BTreeSet<String>,
    pub inactive: &'a [String],
    pub started: Started<'a>,
    /// The services that get new containers; all where there is none in it.
    pub recreated: Option<Vec<String>>,
    /// What is new is stopped, whatever is started.
    pub no_start: bool,
    pub scale: &'a BTreeMap<String, i32>,
    pub now: Timestamp,
}

impl Change<'_> {
    /// Writes it into the spec of a stack, or of one that isn't there yet. What the project and the flags say nothing of stays.
    pub fn make(&self, stack: Option<&ComposeStack>, spec: &mut Spec) {
        self.project(spec);
        let gone = |name: &String| !self.services.contains(name) && !self.inactive.contains(name);
        overrides::services(spec).iter().filter(|name| gone(name)).for_each(|name| overrides::forget(spec, name));
        self.start(stack, spec);
        let reset = |name: &&String| self.is_started(name) && !self.scale.contains_key(*name);
        self.services.iter().filter(reset).for_each(|name| overrides::unset(spec, name, REPLICAS));
        for (service, number) in self.scale {
            overrides::set(spec, service, REPLICAS, *number);
        }
        if let (Some(stack), Some(recreated)) = (stack, &self.recreated) {
            let known = known::services(stack);
            let recreated = self.services.iter().filter(|name| known.contains(*name) && (recreated.is_empty() || recreated.contains(name)));
            recreated.for_each(|name| overrides::restart(spec, name, self.now));
        }
    }

    fn is_started(&self, name: &String) -> bool {
        match self.started {
            Started::All => true,
            Started::These(services) => services.contains(name),
        }
    }

    fn project(&self, spec: &mut Spec) {
        let packed = serde_json::to_value(self.packed).unwrap_or_default();
        let mut packed = if let Value::Object(packed) = packed { packed } else { Map::new() };
        for field in PROJECT {
            put(spec, field, packed.remove(field));
        }
        for field in SETTINGS {
            if let Some(value) = packed.remove(field) {
                put(spec, field, Some(value));
            }
        }
        if let Some(Value::Object(volumes)) = packed.remove(VOLUMES) {
            let before = spec.get(VOLUMES).and_then(Value::as_object).cloned().unwrap_or_default();
            put(spec, VOLUMES, Some(Value::Object(before.into_iter().chain(volumes).collect())));
        }
        let mut profiles = packed.remove(PROFILES);
        if let Started::These(_) = self.started {
            // What other services run by stays.
            let texts = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
            let mut all = texts(spec.get(PROFILES));
            let more: Vec<Value> = texts(profiles.as_ref()).into_iter().filter(|profile| !all.contains(profile)).collect();
            all.extend(more);
            profiles = Some(Value::Array(all)).filter(|all| all != &Value::Array(Vec::new()));
        }
        put(spec, PROFILES, profiles);
    }

    fn start(&self, stack: Option<&ComposeStack>, spec: &mut Spec) {
        let Some(stack) = stack else {
            match self.started {
                _ if self.no_start => overrides::stop(spec, &[]),
                Started::All => {}
                Started::These(_) => self.stop(spec, |_| true),
            }
            return;
        };
        let known = known::services(stack);
        let is_observed = stack.status.as_ref().is_some_and(|status| status.observed_generation.is_some());
        match self.started {
            _ if self.no_start => {
                self.services
                    .iter()
                    .filter(|name| is_observed && !known.contains(*name))
                    .for_each(|name| overrides::set(spec, name, STOPPED, true));
            }
            Started::All => overrides::start_all(spec),
            Started::These(services) => {
                overrides::start(spec, services, &known.union(self.services).cloned().collect());
                self.stop(spec, |name| is_observed && !known.contains(name));
            }
        }
    }

    /// Stops those of the services that aren't started.
    fn stop(&self, spec: &mut Spec, which: impl Fn(&String) -> bool) {
        self.services
            .iter()
            .filter(|name| !self.is_started(name) && which(name))
            .for_each(|name| overrides::set(spec, name, STOPPED, true));
    }
}

fn put(spec: &mut Spec, field: &str, value: Option<Value>) {
    match value {
        Some(value) => spec.insert(field.to_owned(), value),
        None => spec.remove(field),
    };
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;
    use crate::api::{ComposeStackStatus, ServiceStatus};

    struct Case {
        packed: Value,
        services: &'static [&'static str],
        started: Option<&'static [&'static str]>,
        recreated: Option<&'static [&'static str]>,
        no_start: bool,
        scale: &'static [(&'static str, i32)],
    }

    impl Default for Case {
        fn default() -> Self {
            let services = &["db", "web"];
            Self { packed: json!({"compose": "new"}), services, started: None, recreated: None, no_start: false, scale: &[] }
        }
    }

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    impl Case {
        /// What becomes of a spec, or of none.
        fn make(&self, before: Option<Value>) -> Value {
            let started = self.started.map(strings);
            let change = Change {
                packed: &serde_json::from_value(self.packed.clone()).unwrap(),
                services: &strings(self.services).into_iter().collect(),
                inactive: &strings(&["debug"]),
                started: started.as_ref().map_or(Started::All, |started| Started::These(started)),
                recreated: self.recreated.map(strings),
                no_start: self.no_start,
                scale: &self.scale.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect(),
                now: Timestamp::from_second(60).unwrap(),
            };
            let stack = before.as_ref().map(|_| {
                let service = |name: &&str| ServiceStatus { name: (*name).to_owned(), ..ServiceStatus::default() };
                let services = ["db", "web"].iter().map(service).collect();
                let status = ComposeStackStatus { observed_generation: Some(1), services, ..ComposeStackStatus::default() };
                ComposeStack { status: Some(status), ..ComposeStack::default() }
            });
            let mut spec = if let Some(Value::Object(spec)) = before { spec } else { Spec::new() };
            change.make(stack.as_ref(), &mut spec);
            Value::Object(spec)
        }
    }

    #[test]
    fn fields_that_are_not_the_projects_stay() {
        let before = json!({
            "compose": "old", "variables": {"A": "1"}, "profiles": ["p"], "suspend": false, "progressDeadline": "1m", "unknown": {"a": 1},
            "publish": "ClusterIP", "volumes": {"size": "2Gi", "accessMode": "x"}, "stopped": true,
            "services": {"web": {"replicas": 3, "restartedAt": "then", "unknown": 2}, "left": {"stopped": true}, "debug": {"restartedAt": "x"}},
        });
        let expected = json!({
            "compose": "new", "suspend": false, "progressDeadline": "1m", "unknown": {"a": 1}, "publish": "ClusterIP",
            "volumes": {"size": "1Gi", "accessMode": "x"},
            "services": {"web": {"restartedAt": "then", "unknown": 2}, "debug": {"restartedAt": "x"}},
        });
        let case = Case { packed: json!({"compose": "new", "volumes": {"size": "1Gi"}}), ..Case::default() };
        assert_eq!(case.make(Some(before)), expected);
        assert_eq!(case.make(Some(expected.clone())), expected);
    }

    #[test]
    fn named_services_start_and_the_others_stay_as_they_are() {
        let web = || Case { started: Some(&["web"]), ..Case::default() };
        assert_eq!(web().make(None), json!({"compose": "new", "services": {"db": {"stopped": true}}}));
        let before = json!({"services": {"db": {"replicas": 2}, "web": {"stopped": true, "replicas": 2}}, "profiles": ["q"]});
        let expected = json!({"compose": "new", "services": {"db": {"replicas": 2}}, "profiles": ["q", "p"]});
        assert_eq!(Case { packed: json!({"compose": "new", "profiles": ["p"]}), ..web() }.make(Some(before)), expected);
        let expected = json!({"compose": "new", "services": {"db": {"stopped": true}}});
        assert_eq!(web().make(Some(json!({"stopped": true}))), expected);
        let more = Case { services: &["db", "more", "web"], ..web() };
        assert_eq!(more.make(Some(json!({}))), json!({"compose": "new", "services": {"more": {"stopped": true}}}));
    }

    #[test]
    fn without_a_start_what_is_new_is_stopped_and_what_runs_goes_on() {
        let case = Case { no_start: true, services: &["db", "more", "web"], ..Case::default() };
        assert_eq!(case.make(None), json!({"compose": "new", "stopped": true}));
        assert_eq!(case.make(Some(json!({}))), json!({"compose": "new", "services": {"more": {"stopped": true}}}));
        assert_eq!(case.make(Some(json!({"stopped": true})))["stopped"], json!(true));
    }

    #[test]
    fn numbers_and_recreations_are_written_for_their_services() {
        let scaled = Case { scale: &[("web", 0)], ..Case::default() };
        assert_eq!(scaled.make(None)["services"], json!({"web": {"replicas": 0}}));
        let recreated = |which| Case { recreated: Some(which), services: &["db", "more", "web"], ..Case::default() };
        let at = json!({"restartedAt": "1970-01-01T00:01:00Z"});
        assert_eq!(recreated(&[]).make(Some(json!({})))["services"], json!({"db": at, "web": at}));
        assert_eq!(recreated(&["web"]).make(Some(json!({})))["services"], json!({"web": at}));
        assert_eq!(recreated(&[]).make(None), json!({"compose": "new"}));
    }
}
