use super::conditions::Situation;
use super::observed::{Input, Observed, Refusal};
use super::report::{fit, limit_warnings, unchanged};
use super::view::short;
use crate::api::{ComposeStackStatus, ServiceState, ServiceStatus};
use crate::cluster::view::WorkloadView;

/// The status of a stack whose spec can't be used. What ran before keeps running, and its services are told of as far as they can be seen.
pub(super) fn status(input: &Input, refusal: &Refusal) -> ComposeStackStatus {
    let mut status = unchanged(input, &Situation::refused(refusal));
    status.warnings = limit_warnings(input.warnings.to_vec());
    for service in &mut status.services {
        refresh(input, service);
    }
    fit(status)
}

fn refresh(input: &Input, service: &mut ServiceStatus) {
    let known = |kind: &str, name: &str, uid: &str| {
        let mut objects = input.recorded.objects.iter();
        objects.any(|o| o.kind == kind && o.name == name && o.uid.as_deref() == Some(short(uid)))
    };
    // Of a pod that several services share, its readiness says nothing of one of them.
    if input.recorded.services.iter().filter(|other| other.inputs.is_some() && other.inputs == service.inputs).count() > 1 {
        return;
    }
    let live = input.live.objects.iter().find(|(key, live)| {
        let kind = key.kind.as_str();
        let same = key.name == service.name || live.service.as_deref() == Some(&service.name) || live.inputs == service.inputs;
        live.whose == Observed::Ours && kind == service.kind && same && known(kind, &key.name, &live.uid)
    });
    let Some(WorkloadView::Replicated { ready, .. }) = live.map(|(_, live)| &live.state) else { return };
    service.ready = *ready;
    match service.state {
        ServiceState::Running if *ready < service.desired => {
            service.state = ServiceState::Degraded;
            service.message = Some(format!("{ready} of {} ready", service.desired));
        }
        ServiceState::Degraded if *ready >= service.desired => {
            service.state = ServiceState::Running;
            service.message = None;
        }
        _ => {}
    }
}
