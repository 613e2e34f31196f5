//! The pod of a one-off container: a service's, with another command, that no Service and no workload counts as theirs.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, Container, EnvVar, PersistentVolumeClaimVolumeSource, Pod, PodSpec, PodTemplateSpec, Volume,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Resource;

use crate::api::{ComposeStack, keys};
use crate::cli::verbs::containers::of_pods;
use crate::cluster::session::one_off::Template;

/// Docker compose's label of such containers.
const ONE_OFF: &str = "com.docker.compose.oneoff";

/// What the user says of the container.
#[derive(Clone, Debug, Default)]
pub struct Wishes<'a> {
    pub name: Option<&'a str>,
    pub command: &'a [String],
    pub entrypoint: Option<&'a str>,
    pub environment: Vec<(String, String)>,
    pub labels: Vec<(String, String)>,
    pub directory: Option<&'a str>,
    pub user: Option<User>,
    pub add_capabilities: &'a [String],
    pub drop_capabilities: &'a [String],
    pub stdin: bool,
    pub tty: bool,
}

/// A numeric user, and its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    pub user: i64,
    pub group: Option<i64>,
}

/// Finds the template with a service's container, and the container's name.
pub fn template_of<'a>(templates: &'a [Template], service: &str) -> Option<(&'a Template, String)> {
    let of_service = |template: &'a Template| {
        let pod = Pod { metadata: template.pod.metadata.clone().unwrap_or_default(), spec: template.pod.spec.clone(), status: None };
        let containers = of_pods(std::slice::from_ref(&pod));
        containers.iter().find(|container| container.service == service).map(|container| (template, container.spec.name.clone()))
    };
    templates.iter().find_map(of_service)
}

/// The pod.
pub fn pod(stack: &ComposeStack, template: &Template, container: &str, service: &str, wishes: &Wishes<'_>) -> Pod {
    let mut spec = template.pod.spec.clone().unwrap_or_default();
    spec.containers.retain(|own| own.name == container);
    if let Some(own) = spec.containers.first_mut() {
        change(own, wishes);
    }
    spec.volumes.get_or_insert_default().extend(template.claims.iter().map(|name| claim_of_first(name, &template.workload)));
    let spec = PodSpec { restart_policy: Some("Never".to_owned()), active_deadline_seconds: None, hostname: None, subdomain: None, ..spec };
    Pod { metadata: metadata(stack, template, service, wishes), spec: Some(spec), status: None }
}

fn metadata(stack: &ComposeStack, template: &Template, service: &str, wishes: &Wishes<'_>) -> ObjectMeta {
    let PodTemplateSpec { metadata: theirs, .. } = &template.pod;
    let theirs = theirs.clone().unwrap_or_default();
    // What a Service or a workload selects by is not among these.
    let stays = |key: &str| {
        [keys::STACK, keys::COMPOSE_PROJECT].contains(&key)
            || [keys::NETWORK_PREFIX, keys::NETWORK_NAME_PREFIX].iter().any(|prefix| key.starts_with(prefix))
    };
    let mut labels: BTreeMap<String, String> = theirs.labels.into_iter().flatten().filter(|(key, _)| stays(key)).collect();
    labels.insert(ONE_OFF.to_owned(), "True".to_owned());
    let ours = format!("{}/", keys::GROUP);
    let mut annotations: BTreeMap<String, String> =
        theirs.annotations.into_iter().flatten().filter(|(key, _)| !key.starts_with(&ours)).collect();
    annotations.insert(keys::SERVICE.to_owned(), service.to_owned());
    labels.extend(wishes.labels.iter().filter(|(key, _)| !key.starts_with(&ours)).cloned());
    let owner = OwnerReference {
        api_version: ComposeStack::api_version(&()).into_owned(),
        kind: ComposeStack::kind(&()).into_owned(),
        name: stack.metadata.name.clone().unwrap_or_default(),
        uid: stack.metadata.uid.clone().unwrap_or_default(),
        ..OwnerReference::default()
    };
    ObjectMeta {
        name: wishes.name.map(str::to_owned),
        generate_name: wishes.name.is_none().then(|| format!("{}-run-", template.workload)),
        labels: Some(labels),
        annotations: Some(annotations),
        owner_references: Some(vec![owner]),
        ..ObjectMeta::default()
    }
}

fn change(container: &mut Container, wishes: &Wishes<'_>) {
    container.liveness_probe = None;
    container.readiness_probe = None;
    container.startup_probe = None;
    container.lifecycle = None;
    container.ports = None;
    container.stdin = wishes.stdin.then_some(true);
    container.stdin_once = wishes.stdin.then_some(true);
    container.tty = wishes.tty.then_some(true);
    if let Some(entrypoint) = wishes.entrypoint {
        container.command = Some(entrypoint.split_whitespace().map(doubled).collect());
        container.args = None;
    }
    if !wishes.command.is_empty() {
        container.args = Some(wishes.command.iter().map(|word| doubled(word)).collect());
    }
    if let Some(directory) = wishes.directory {
        container.working_dir = Some(directory.to_owned());
    }
    let environment = container.env.get_or_insert_default();
    environment.retain(|variable| !wishes.environment.iter().any(|(name, _)| *name == variable.name));
    let own = |(name, value): &(String, String)| EnvVar { name: name.clone(), value: Some(doubled(value)), value_from: None };
    environment.extend(wishes.environment.iter().map(own));
    if let Some(User { user, group }) = wishes.user {
        let security = container.security_context.get_or_insert_default();
        security.run_as_user = Some(user);
        security.run_as_group = group;
        security.run_as_non_root = (user != 0).then_some(true);
    }
    for (added, names) in
        [(true, wishes.add_capabilities), (false, wishes.drop_capabilities)].into_iter().filter(|(_, names)| !names.is_empty())
    {
        let Capabilities { add, drop } = container.security_context.get_or_insert_default().capabilities.get_or_insert_default();
        let list = if added { add } else { drop };
        list.get_or_insert_default().extend(names.iter().cloned());
    }
}

/// The kubelet expands `$(NAME)`, and what a shell has given is meant as it is.
fn doubled(text: &str) -> String {
    text.replace('$', "$$")
}

/// What each replica has for itself is here what the first has.
fn claim_of_first(volume: &str, workload: &str) -> Volume {
    let source = PersistentVolumeClaimVolumeSource { claim_name: format!("{volume}-{workload}-0"), read_only: None };
    Volume { name: volume.to_owned(), persistent_volume_claim: Some(source), ..Volume::default() }
}

/// Reads `USER[:GROUP]`, both numbers: Kubernetes knows no names.
///
/// # Errors
/// What is expected, where it is something else.
pub fn user(text: &str) -> Result<User, String> {
    let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number >= 0);
    let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
    let found = number(user).zip(group.map_or(Some(None), |group| number(group).map(Some)));
    found
        .map(|(user, group)| User { user, group })
        .ok_or_else(|| "expected UID or UID:GID, in numbers: Kubernetes knows no names of users".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    fn template(spec: &Value) -> Template {
        let pod = json!({
            "metadata": {
                "labels": {
                    "app.kubernetes.io/managed-by": "compose-operator",
                    "app.kubernetes.io/name": "web",
                    "com.docker.compose.project": "shop",
                    "com.docker.compose.service": "web",
                    "compose-operator.dev/alias.www": "",
                    "compose-operator.dev/net.front": "",
                    "compose-operator.dev/net-name.shop_front": "",
                    "compose-operator.dev/service": "web",
                    "compose-operator.dev/stack": "shop",
                    "tier": "front",
                },
                "annotations": {"compose-operator.dev/service": "web", "compose-operator.dev/inputs": "1", "note": "kept"},
            },
            "spec": spec,
        });
        Template { workload: "web".to_owned(), pod: serde_json::from_value(pod).unwrap(), claims: vec!["data".to_owned()] }
    }

    fn made(spec: &Value, wishes: &Wishes<'_>) -> Value {
        let mut stack = ComposeStack::new("shop", crate::api::ComposeStackSpec::default());
        stack.metadata.uid = Some("u".to_owned());
        let template = template(spec);
        let templates = [template];
        let (template, container) = template_of(&templates, "web").unwrap();
        serde_json::to_value(pod(&stack, template, &container, "web", wishes)).unwrap()
    }

    #[test]
    fn nothing_selects_the_pod_and_its_networks_are_the_services() {
        let pod = made(&json!({"containers": [{"name": "web", "image": "nginx"}]}), &Wishes::default());
        let labels = json!({
            "com.docker.compose.oneoff": "True",
            "com.docker.compose.project": "shop",
            "compose-operator.dev/net-name.shop_front": "",
            "compose-operator.dev/net.front": "",
            "compose-operator.dev/stack": "shop",
        });
        assert_eq!(pod["metadata"]["labels"], labels);
        assert_eq!(pod["metadata"]["annotations"], json!({"compose-operator.dev/service": "web", "note": "kept"}));
        assert_eq!(pod["metadata"]["generateName"], "web-run-");
        let owner = json!([{"apiVersion": "compose-operator.dev/v1", "kind": "ComposeStack", "name": "shop", "uid": "u"}]);
        assert_eq!(pod["metadata"]["ownerReferences"], owner);
    }

    #[test]
    fn it_is_the_service_with_another_command_and_runs_once() {
        let container = json!({
            "name": "web", "image": "nginx", "command": ["/entry"], "args": ["serve"], "readinessProbe": {}, "startupProbe": {},
            "lifecycle": {"postStart": {}}, "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        });
        let spec = json!({"restartPolicy": "Always", "hostname": "web", "subdomain": "web", "containers": [container, {"name": "mesh"}]});
        let command = ["echo".to_owned(), "$HOME $(B)".to_owned()];
        let wishes = Wishes {
            command: &command,
            environment: vec![("A".to_owned(), "$x".to_owned())],
            directory: Some("/srv"),
            user: Some(User { user: 1000, group: None }),
            add_capabilities: &["NET_ADMIN".to_owned()],
            ..Wishes::default()
        };
        let pod = made(&spec, &wishes);
        let expected = json!({
            "restartPolicy": "Never",
            "containers": [{
                "name": "web", "image": "nginx", "command": ["/entry"], "args": ["echo", "$$HOME $$(B)"], "workingDir": "/srv",
                "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "$$x"}],
                "securityContext": {"runAsUser": 1000, "runAsNonRoot": true, "capabilities": {"add": ["NET_ADMIN"]}},
            }],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}}],
        });
        assert_eq!(pod["spec"], expected);
        let other = made(&spec, &Wishes { entrypoint: Some("sh -c"), ..Wishes::default() });
        assert_eq!(
            (&other["spec"]["containers"][0]["command"], &other["spec"]["containers"][0]["args"]),
            (&json!(["sh", "-c"]), &Value::Null)
        );
    }

    #[test]
    fn users_are_numbers() {
        assert_eq!(user("1000:5"), Ok(User { user: 1000, group: Some(5) }));
        assert_eq!(user("0"), Ok(User { user: 0, group: None }));
        assert!(user("www-data").is_err() && user("1:www").is_err() && user("-1").is_err());
    }
}
