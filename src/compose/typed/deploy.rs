use crate::compose::model::{
    Deploy, DeployMode, DeviceRequest, EndpointMode, FailureAction, GenericResource, Limits, PlacementPreference, Reservations,
    RestartCondition, RestartPolicy, UpdateConfig, UpdateOrder,
};
use crate::yaml::Node;

use super::fields::Fields;

pub fn deploy(fields: Fields<'_>) -> Deploy {
    let nothing = Node::default();
    let resources = fields.object("resources").unwrap_or(Fields(&nothing));
    let placement = fields.object("placement").unwrap_or(Fields(&nothing));
    let limits = resources.object("limits").unwrap_or(Fields(&nothing));
    Deploy {
        mode: match fields.text("mode").as_deref() {
            Some("global") => DeployMode::Global,
            Some("replicated-job") => DeployMode::ReplicatedJob,
            Some("global-job") => DeployMode::GlobalJob,
            _ => DeployMode::Replicated,
        },
        replicas: fields.int("replicas"),
        endpoint_mode: match fields.text("endpoint_mode").as_deref() {
            Some("dnsrr") => Some(EndpointMode::Dnsrr),
            Some("vip") => Some(EndpointMode::Vip),
            _ => None,
        },
        labels: fields.map("labels"),
        update_config: fields.object("update_config").map(update),
        rollback_config: fields.object("rollback_config").map(update),
        limits: Limits { cpus: limits.float("cpus"), memory: limits.int("memory"), pids: limits.int("pids") },
        reservations: resources.object("reservations").map(reserved).unwrap_or_default(),
        restart_policy: fields.object("restart_policy").map(restart_policy),
        placement_constraints: placement.texts("constraints"),
        placement_preferences: placement
            .objects("preferences")
            .map(|item| PlacementPreference { spread: item.text("spread").unwrap_or_default() })
            .collect(),
        max_replicas_per_node: placement.unsigned("max_replicas_per_node").filter(|count| *count > 0),
        extensions: fields.extensions(),
    }
}

fn reserved(fields: Fields<'_>) -> Reservations {
    Reservations {
        cpus: fields.float("cpus"),
        memory: fields.int("memory"),
        devices: fields.objects("devices").map(device_request).collect(),
        generic_resources: fields
            .objects("generic_resources")
            .filter_map(|item| item.object("discrete_resource_spec"))
            .map(|item| GenericResource { kind: item.text("kind").unwrap_or_default(), value: item.int("value").unwrap_or_default() })
            .collect(),
    }
}

fn update(fields: Fields<'_>) -> UpdateConfig {
    UpdateConfig {
        parallelism: fields.unsigned("parallelism"),
        delay: fields.duration("delay"),
        failure_action: match fields.text("failure_action").as_deref() {
            Some("continue") => Some(FailureAction::Continue),
            Some("pause") => Some(FailureAction::Pause),
            Some("rollback") => Some(FailureAction::Rollback),
            _ => None,
        },
        monitor: fields.duration("monitor"),
        max_failure_ratio: fields.float("max_failure_ratio"),
        order: match fields.text("order").as_deref() {
            Some("stop-first") => Some(UpdateOrder::StopFirst),
            Some("start-first") => Some(UpdateOrder::StartFirst),
            _ => None,
        },
    }
}

fn restart_policy(fields: Fields<'_>) -> RestartPolicy {
    RestartPolicy {
        condition: match fields.text("condition").as_deref() {
            Some("none") => Some(RestartCondition::None),
            Some("on-failure") => Some(RestartCondition::OnFailure),
            Some("any") => Some(RestartCondition::Any),
            _ => None,
        },
        delay: fields.duration("delay"),
        max_attempts: fields.unsigned("max_attempts"),
        window: fields.duration("window"),
    }
}

pub fn device_request(fields: Fields<'_>) -> DeviceRequest {
    DeviceRequest {
        capabilities: fields.texts("capabilities"),
        driver: fields.text("driver"),
        count: fields.int("count"),
        device_ids: fields.texts("device_ids"),
        options: fields.map("options"),
    }
}
