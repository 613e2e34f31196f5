//! A stack's spec as JSON: what `up`, `stop`, `start`, `restart` and `scale` write into it. All else stays as it is.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

/// `spec` of a stack.
pub type Spec = Map<String, Value>;

pub const REPLICAS: &str = "replicas";
pub const STOPPED: &str = "stopped";
pub const RESTARTED_AT: &str = "restartedAt";
const SERVICES: &str = "services";

/// What the spec says of a service.
fn of_service<'a>(spec: &'a Spec, service: &str, field: &str) -> Option<&'a Value> {
    spec.get(SERVICES)?.get(service)?.get(field)
}

fn is_true(value: Option<&Value>) -> bool {
    value.and_then(Value::as_bool) == Some(true)
}

/// The services that the spec says something of.
pub fn services(spec: &Spec) -> Vec<String> {
    spec.get(SERVICES).and_then(Value::as_object).into_iter().flat_map(Map::keys).cloned().collect()
}

/// Says something of a service.
pub fn set(spec: &mut Spec, service: &str, field: &str, value: impl Into<Value>) {
    if let Value::Object(services) = object(spec, SERVICES)
        && let Value::Object(fields) = object(services, service)
    {
        fields.insert(field.to_owned(), value.into());
    }
}

/// The object of a key, in the place of whatever else stood there.
fn object<'a>(map: &'a mut Spec, key: &str) -> &'a mut Value {
    let entry = map.entry(key.to_owned()).or_insert(Value::Null);
    if !entry.is_object() {
        *entry = Value::Object(Map::new());
    }
    entry
}

/// Says something no longer of a service.
pub fn unset(spec: &mut Spec, service: &str, field: &str) {
    let Some(services) = spec.get_mut(SERVICES).and_then(Value::as_object_mut) else { return };
    if let Some(fields) = services.get_mut(service).and_then(Value::as_object_mut)
        && fields.remove(field).is_some()
        && fields.is_empty()
    {
        services.remove(service);
    }
    drop_empty(spec);
}

/// Says nothing of a service any more.
pub fn forget(spec: &mut Spec, service: &str) {
    if spec.get_mut(SERVICES).and_then(Value::as_object_mut).and_then(|services| services.remove(service)).is_some() {
        drop_empty(spec);
    }
}

fn drop_empty(spec: &mut Spec) {
    if spec.get(SERVICES).and_then(Value::as_object).is_some_and(Map::is_empty) {
        spec.remove(SERVICES);
    }
}

/// Starts services. Of a stack that is stopped as a whole the others stay stopped.
pub fn start(spec: &mut Spec, services: &[String], known: &BTreeSet<String>) {
    if is_true(spec.get(STOPPED)) {
        known.iter().filter(|other| !services.contains(other)).for_each(|other| set(spec, other, STOPPED, true));
    }
    spec.remove(STOPPED);
    for service in services {
        unset(spec, service, STOPPED);
    }
}

/// Starts all services.
pub fn start_all(spec: &mut Spec) {
    spec.remove(STOPPED);
    for service in services(spec) {
        unset(spec, &service, STOPPED);
    }
}

/// Stops services; all where none is named.
pub fn stop(spec: &mut Spec, services: &[String]) {
    if services.is_empty() {
        spec.insert(STOPPED.to_owned(), true.into());
        return;
    }
    for service in services {
        set(spec, service, STOPPED, true);
    }
}

/// Restarts a service: the time is another one than before in any case.
pub fn restart(spec: &mut Spec, service: &str, now: Timestamp) {
    let before = of_service(spec, service, RESTARTED_AT).and_then(Value::as_str).and_then(|at| at.parse::<Timestamp>().ok());
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let next = before.and_then(|before| before.checked_add(SignedDuration::from_secs(1)).ok()).filter(|next| *next > now);
    set(spec, service, RESTARTED_AT, next.unwrap_or(now).to_string());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(before: Value, change: impl Fn(&mut Spec), after: &Value) {
        let Value::Object(mut spec) = before else { return };
        change(&mut spec);
        assert_eq!(&Value::Object(spec), after);
    }

    fn known() -> BTreeSet<String> {
        ["db", "web", "worker"].map(str::to_owned).into()
    }

    #[test]
    fn what_starts_of_a_stopped_stack_leaves_the_others_stopped() {
        let web = ["web".to_owned(), "db".to_owned()];
        let others = json!({"services": {"worker": {"stopped": true}}, "suspend": true});
        check(json!({"stopped": true, "suspend": true}), |spec| start(spec, &web, &known()), &others);
        let restarted = json!({"services": {"web": {"stopped": true, "restartedAt": "x"}, "worker": {"stopped": true}}});
        let expected = json!({"services": {"web": {"restartedAt": "x"}, "worker": {"stopped": true}}});
        check(restarted.clone(), |spec| start(spec, &web, &known()), &expected);
        check(restarted, start_all, &json!({"services": {"web": {"restartedAt": "x"}}}));
        check(json!({"services": {"web": {"stopped": true}}}), |spec| start(spec, &web, &known()), &json!({}));
    }

    #[test]
    fn a_stop_of_services_leaves_the_others() {
        check(json!({}), |spec| stop(spec, &[]), &json!({"stopped": true}));
        let stopped = json!({"services": {"web": {"replicas": 2, "stopped": true}}});
        check(json!({"services": {"web": {"replicas": 2}}}), |spec| stop(spec, &["web".to_owned()]), &stopped);
    }

    #[test]
    fn a_restart_within_the_same_second_is_one_more() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap() + SignedDuration::from_millis(300);
        let restarted = |at: &str| json!({"services": {"web": {"restartedAt": at}}});
        check(json!({}), |spec| restart(spec, "web", at(60)), &restarted("1970-01-01T00:01:00Z"));
        check(restarted("1970-01-01T00:01:00Z"), |spec| restart(spec, "web", at(60)), &restarted("1970-01-01T00:01:01Z"));
        check(restarted("1970-01-01T00:00:01Z"), |spec| restart(spec, "web", at(60)), &restarted("1970-01-01T00:01:00Z"));
        check(restarted("yesterday"), |spec| restart(spec, "web", at(60)), &restarted("1970-01-01T00:01:00Z"));
    }
}
