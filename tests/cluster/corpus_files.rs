//! The objects of every valid file of the corpus, and of every example, before the API server itself: it takes all of them, and its pod security
//! admission takes their pods. What the mapping refuses is in the table of `tests/corpus`.

use std::collections::BTreeMap;

use compose_operator::compose::model::{Project, Service};
use compose_operator::translate::{Desired, Settings, translate};
use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::cases::{self, permissive};
use crate::stacks::Stack;
use crate::support::Space;

/// Requests at a time.
const AT_ONCE: usize = 16;

/// A namespace with this level of pod security, which can have pods.
async fn space(topic: &str, level: &str) -> Space {
    let space = Space::open_labelled(topic, json!({"pod-security.kubernetes.io/enforce": level})).await;
    // The account is made a moment after its namespace.
    space.until::<ServiceAccount>("default", "there", |found| found.is_some()).await;
    space
}

/// What the API server answers to objects that it isn't to keep: why it refuses them, by what they are told as.
async fn refused(space: &Space, objects: BTreeMap<String, Value>) -> BTreeMap<String, String> {
    let (client, namespace) = (&space.client, space.name.as_str());
    let answers = stream::iter(objects).map(|(told, object)| async move { Some((told, create(client, namespace, object).await.err()?)) });
    answers.buffer_unordered(AT_ONCE).filter_map(|refusal| async { refusal }).collect().await
}

async fn create(client: &Client, namespace: &str, object: Value) -> Result<(), String> {
    let api_version = object["apiVersion"].as_str().unwrap();
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, object["kind"].as_str().unwrap()));
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    let params = PostParams { dry_run: true, ..PostParams::default() };
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    api.create(&params, &object).await.map(drop).map_err(|error| error.to_string())
}

/// The objects of a stack, of kinds that every cluster has.
fn objects(name: &str, desired: &Desired, into: &mut BTreeMap<String, Value>) {
    for object in desired.objects.values() {
        let value = serde_json::to_value(object).unwrap();
        if !value["apiVersion"].as_str().unwrap().starts_with("gateway.") {
            into.insert(format!("{name}: {}", object.key()), value);
        }
    }
}

/// The pods of a stack, by service.
fn pods(name: &str, desired: &Desired) -> BTreeMap<String, Value> {
    let pod = |workload: Value| {
        let template = workload.pointer("/spec/jobTemplate/spec/template").unwrap_or(&workload["spec"]["template"]).clone();
        let metadata = json!({"name": "pod", "labels": template["metadata"]["labels"]});
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
    };
    let workload = |plan: &compose_operator::translate::ServicePlan| serde_json::to_value(&desired.objects[&plan.workload]).unwrap();
    desired.services.iter().map(|plan| (format!("{name}: {}", plan.name), pod(workload(plan)))).collect()
}

#[tokio::test]
async fn the_api_server_takes_the_objects_of_every_file_that_is_not_refused() {
    let Some(cases) = cases::valid() else { return };
    let (shipped, permissive) = (Settings::default(), permissive());
    let (mut all, mut stacks) = (BTreeMap::new(), 0);
    for case in &cases {
        // What the shipped policy refuses is tried under the permissive one.
        let Some(desired) = case.translate(&shipped).0.or_else(|| case.translate(&permissive).0) else { continue };
        objects(&case.name, &desired, &mut all);
        for (told, mut pod) in pods(&case.name, &desired) {
            // The class would have to be there.
            pod["spec"]["runtimeClassName"] = Value::Null;
            all.insert(format!("{told}'s pod"), pod);
        }
        stacks += 1;
    }
    assert!(stacks > 350 && all.len() > 1000, "{stacks} stacks, {} objects", all.len());
    let space = space("corpus", "privileged").await;
    let refused = refused(&space, all).await;
    assert!(refused.is_empty(), "{} are refused: {refused:#?}", refused.len());
    space.close().await;
}

/// The examples that are not to be refused, and what they become.
fn examples(settings: &Settings) -> Vec<(String, Project, Desired)> {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut stacks: Vec<_> = files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect();
    stacks.sort();
    let read = |path: std::path::PathBuf| {
        let mut stack = Stack::read(&path);
        stack.settings = Settings { services: stack.settings.services.clone(), ..settings.clone() };
        let project = stack.load().project.unwrap();
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), project, stack.desired())
    };
    stacks.into_iter().map(read).collect()
}

/// All that the settings let be: the examples, and the corpus where it is there.
fn stacks(settings: &Settings) -> Vec<(String, Project, Desired)> {
    let cases = cases::valid().unwrap_or_default().into_iter();
    let taken = cases.filter_map(|case| {
        let desired = translate(&case.project, settings, &compose_operator::translate::Facts::default()).0?;
        Some((case.name, case.project, desired))
    });
    let own = [
        "services: {web: {image: x, user: '1000', ports: ['80'], volumes: ['data:/data'], hostname: my-box, container_name: my_web}, \
         peer: {image: x, user: '1000:1000', tmpfs: [/tmp]}}\nvolumes: {data: }",
        "services: {root: {image: x, user: root}, any: {image: x}, adds: {image: x, user: '1000', cap_add: [CHOWN]}}",
    ];
    let own = own.iter().enumerate().map(|(index, text)| {
        let mut stack = Stack::of(text);
        stack.settings = settings.clone();
        (format!("own-{index}"), stack.load().project.unwrap(), stack.desired())
    });
    own.chain(examples(settings)).chain(taken).collect()
}

#[tokio::test]
async fn pods_under_the_shipped_policy_pass_pod_security_baseline() {
    let space = space("baseline", "baseline").await;
    let all: BTreeMap<_, _> = stacks(&Settings::default()).iter().flat_map(|(name, _, desired)| pods(name, desired)).collect();
    assert!(all.len() > 40, "{} pods", all.len());
    let refused = refused(&space, all).await;
    assert!(refused.is_empty(), "{} are refused: {refused:#?}", refused.len());
    space.close().await;
}

/// Whether all that a file says of a service is within pod security `restricted`, where the operator adds the rest.
fn is_restricted(service: &Service) -> bool {
    let user = service.user.as_deref().and_then(|user| user.split(':').next()).and_then(|user| user.parse::<u32>().ok());
    user.is_some_and(|user| user != 0) && service.cap_add.is_empty()
}

#[tokio::test]
async fn pods_with_least_privilege_pass_pod_security_restricted_where_their_files_allow_it() {
    let space = space("least", "restricted").await;
    let settings = Settings { least_privilege: true, ..Settings::default() };
    let mut all = BTreeMap::new();
    let mut expected = BTreeMap::new();
    for (name, project, desired) in stacks(&settings) {
        expected.extend(project.services.iter().map(|(key, service)| (format!("{name}: {key}"), is_restricted(service))));
        all.extend(pods(&name, &desired));
    }
    assert!(expected.values().filter(|is| **is).count() >= 2, "none would pass");
    let refused = refused(&space, all).await;
    let wrong: Vec<_> = expected.iter().filter(|(told, expected)| refused.contains_key(*told) == **expected).collect();
    let why: Vec<_> = wrong.iter().map(|(told, _)| (told, refused.get(*told))).collect();
    assert!(wrong.is_empty(), "{} are judged otherwise: {why:#?}", wrong.len());
    space.close().await;
}

#[tokio::test]
async fn a_compliant_stack_passes_pod_security_restricted_without_any_setting() {
    let space = space("compliant", "restricted").await;
    let compliant = "services: {web: {image: 'x:1', user: '1000', read_only: true, cap_drop: [ALL], cap_add: [NET_BIND_SERVICE], \
                     security_opt: ['no-new-privileges:true'], ports: ['80'], volumes: ['data:/data'], tmpfs: [/tmp], hostname: my-box, \
                     container_name: my_web}}\nvolumes: {data: }";
    let all = pods("compliant", &Stack::of(compliant).desired());
    assert_eq!(refused(&space, all).await, BTreeMap::new());
    let careless = compliant.replace("cap_drop: [ALL], ", "");
    let judged = refused(&space, pods("careless", &Stack::of(&careless).desired())).await;
    assert!(judged["careless: web"].contains("unrestricted capabilities"), "{judged:?}");
    space.close().await;
}

#[tokio::test]
async fn what_the_policy_allows_is_what_the_api_server_takes() {
    let text = "services:
  web:
    image: x:1
    privileged: true
    network_mode: host
    pid: host
    ipc: host
    runtime: io.containerd.wasmedge.v1
    devices: [/dev/ttyUSB0]
    volumes: ['/mnt:/mnt:rshared', '/srv:/srv:ro']
    security_opt: [seccomp=unconfined, apparmor=unconfined, 'label=user:USER', no-new-privileges]
  other:
    image: x:1
    cap_add: [NET_ADMIN]
    security_opt: [systempaths=unconfined]
    sysctls: {net.core.somaxconn: 1024}
    ports: [{target: 80, published: 8080, mode: host, host_ip: 10.0.0.1}]
    volumes: [{type: bind, source: /srv, target: /srv, read_only: true, bind: {recursive: readonly}}]
";
    let mut stack = Stack::of(text);
    stack.settings = permissive();
    let desired = stack.desired();
    let mut all = BTreeMap::new();
    objects("allowed", &desired, &mut all);
    let space = space("allowed", "privileged").await;
    assert_eq!(refused(&space, all).await, BTreeMap::new());
    let mut pods = pods("allowed", &desired);
    // The class of the runtime would have to be there.
    pods.get_mut("allowed: web").unwrap()["spec"]["runtimeClassName"] = Value::Null;
    assert_eq!(refused(&space, pods.clone()).await, BTreeMap::new());
    space.close().await;
    let space = self::space("locked", "baseline").await;
    assert_eq!(refused(&space, pods).await.len(), 2, "pod security is the second lock");
    space.close().await;
}
