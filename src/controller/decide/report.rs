use super::claims;
use super::conditions::{Situation, conditions, cut, summary};
use super::observed::{Input, Observed};
use super::rollback;
use super::services::Assessed;
use super::view::{Scene, Seen, short};
use crate::api::{ComposeStackStatus, ObjectStatus, StackWarning};
use crate::translate::Key;

/// Most warnings that a status holds.
const WARNINGS: usize = 50;
/// Longest message of a warning or service, in bytes.
const MESSAGE: usize = 1024;
/// What a status may take, in bytes: so much, and so much more for each service.
const STATUS: usize = 16 * 1024;
const STATUS_PER_SERVICE: usize = 512;

/// The status of a stack that is reconciled; it may be too long yet.
pub(super) fn status(scene: &Scene, services: Vec<Assessed>, contested: Vec<(Key, String)>, situation: &Situation) -> ComposeStackStatus {
    let input = scene.input;
    let spared = services.iter().flat_map(|s| s.spared.iter().map(|text| dependency_warning(&s.status.name, text)));
    let contested = contested.into_iter().map(|(key, by)| contested_warning(&key, &by));
    let warnings = input
        .warnings
        .iter()
        .cloned()
        .chain(spared)
        .chain(contested)
        .chain(claims::warnings(scene))
        .chain(rollback::warning(scene))
        .collect();
    ComposeStackStatus {
        observed_generation: Some(input.stack.generation),
        conditions: conditions(input, situation),
        summary: Some(summary(input, &services)),
        objects: objects(scene),
        warnings: limit_warnings(warnings),
        services: services.into_iter().map(|s| s.status).collect(),
        ..ComposeStackStatus::default()
    }
}

/// The status of a stack of which nothing can be said anew but its situation.
pub(super) fn unchanged(input: &Input, situation: &Situation) -> ComposeStackStatus {
    ComposeStackStatus {
        observed_generation: Some(input.stack.generation),
        conditions: conditions(input, situation),
        ..input.recorded.clone()
    }
}

fn dependency_warning(service: &str, text: &str) -> StackWarning {
    StackWarning {
        code: "dependency-spared".to_owned(),
        path: format!("services.{service}.depends_on"),
        position: None,
        message: text.to_owned(),
    }
}

fn contested_warning(key: &Key, by: &str) -> StackWarning {
    StackWarning {
        code: "contested".to_owned(),
        path: key.to_string(),
        position: None,
        message: format!("{by} changes it each time it is put back, so it is put back ever more seldom"),
    }
}

/// What was made: all that is ours, claims of volumes that left the file among it.
fn objects(scene: &Scene) -> Vec<ObjectStatus> {
    let is_ours = |seen: &Seen| seen.object.whose == Observed::Ours && seen.read.is_none();
    let ours = scene.all().filter(|(_, seen)| is_ours(seen)).map(|(key, seen)| ObjectStatus {
        kind: key.kind.to_string(),
        name: key.name.clone(),
        uid: Some(short(&seen.object.uid).to_owned()),
        fields: scene.expected_fields(key, &seen.object.uid).map(str::to_owned),
        address: seen.object.address.clone(),
    });
    // Services that have gone and are to be made again, with the addresses that they had.
    let gone = scene.input.recorded.objects.iter().filter(|o| o.address.is_some()).filter_map(|o| {
        let key = scene.desired.objects.keys().find(|key| is_same(o, key))?;
        let missing = scene.get(key).is_none_or(|seen| !is_ours(&seen));
        missing.then(|| ObjectStatus { uid: None, fields: None, ..o.clone() })
    });
    let mut all: Vec<ObjectStatus> = ours.collect();
    all.extend(gone);
    all
}

pub(super) fn limit_warnings(mut warnings: Vec<StackWarning>) -> Vec<StackWarning> {
    for warning in &mut warnings {
        warning.message = cut(&warning.message, MESSAGE);
    }
    truncate_warnings(&mut warnings, WARNINGS);
    warnings
}

fn truncate_warnings(warnings: &mut Vec<StackWarning>, most: usize) {
    if warnings.len() > most {
        let more = warnings.len() - (most - 1);
        warnings.truncate(most - 1);
        let message = format!("and {more} more");
        warnings.push(StackWarning { code: "more".to_owned(), path: String::new(), position: None, message });
    }
}

/// Keeps a status within its size: first messages get shorter, then warnings fewer.
pub(super) fn fit(mut status: ComposeStackStatus) -> ComposeStackStatus {
    let bound = STATUS + STATUS_PER_SERVICE * status.services.len();
    if most(&status) <= bound {
        return status;
    }
    for (message, warnings) in [(MESSAGE, WARNINGS), (512, WARNINGS), (256, 30), (120, 15), (60, 5)] {
        for service in &mut status.services {
            service.message = service.message.take().map(|m| cut(&m, message));
        }
        for warning in &mut status.warnings {
            warning.message = cut(&warning.message, message);
        }
        truncate_warnings(&mut status.warnings, warnings);
        if let Some(undone) = &mut status.rolled_back {
            undone.message = cut(&undone.message, message);
        }
        if serde_json::to_vec(&status).is_ok_and(|json| json.len() <= bound) {
            break;
        }
        for condition in &mut status.conditions {
            condition.message = cut(&condition.message, message * 2);
        }
    }
    status
}

/// What a status may take at most, without writing it: names are short, and what is long may be escaped.
fn most(status: &ComposeStackStatus) -> usize {
    let text = |message: &Option<String>| message.as_ref().map_or(0, |m| 2 * m.len());
    let services = status
        .services
        .iter()
        .map(|s| 768 + text(&s.message) + s.waiting_for.len() * 70 + s.endpoints.iter().map(String::len).sum::<usize>());
    let warnings = status.warnings.iter().map(|w| 256 + 2 * (w.message.len() + w.path.len()));
    let conditions = status.conditions.iter().map(|c| 256 + 2 * c.message.len());
    let undone = status.rolled_back.as_ref().map_or(0, |undone| 2 * undone.message.len());
    512 + undone + status.objects.len() * 250 + services.sum::<usize>() + warnings.sum::<usize>() + conditions.sum::<usize>()
}

/// The key of a recorded object, as notes spell it.
pub(super) fn spelled(object: &ObjectStatus) -> String {
    format!("{} {}", object.kind, object.name)
}

/// Whether a recorded object is this one.
pub(super) fn is_same(object: &ObjectStatus, key: &Key) -> bool {
    object.kind == key.kind.as_str() && object.name == key.name
}
