//! Directories that images declare as volumes: kept for as long as the pod where nothing is mounted, with a warning.

use compose_operator::translate::{Desired, Object};
use k8s_openapi::api::core::v1::PodSpec;

use crate::support::{Stack, problems};

fn pod(desired: &Desired, service: &str) -> PodSpec {
    match &desired.objects[&desired.service(service).unwrap().workload] {
        Object::Deployment(object) => object.spec.clone().unwrap().template.spec.unwrap(),
        Object::Job(object) => object.spec.clone().unwrap().template.spec.unwrap(),
        other => panic!("{} is no workload of these tests", other.key()),
    }
}

/// `target: volume[/sub path]` of every mount of a service.
fn mounts(desired: &Desired, service: &str) -> Vec<String> {
    let pod = pod(desired, service);
    let volume = |name: &str| {
        let volume = pod.volumes.iter().flatten().find(|volume| volume.name == name).unwrap();
        volume.persistent_volume_claim.as_ref().map_or("scratch".to_owned(), |claim| claim.claim_name.clone())
    };
    let mounts = pod.containers[0].volume_mounts.iter().flatten();
    let line = mounts.map(|mount| {
        let path = mount.sub_path.as_ref().map_or(String::new(), |path| format!("/{path}"));
        format!("{}: {}{path}", mount.mount_path, volume(&mount.name))
    });
    line.collect()
}

/// Whether an init container fills something from the service's image.
fn is_filled(desired: &Desired, service: &str) -> bool {
    pod(desired, service).init_containers.iter().flatten().any(|container| container.args.iter().flatten().any(|arg| arg == "seed"))
}

#[track_caller]
fn check(service: &str, expected: &[&str], filled: bool, codes: &[&str]) {
    let stack = Stack::of(&format!("services:\n  web:\n    {service}\nvolumes: {{data: }}\n"));
    let desired = stack.desired();
    assert_eq!(mounts(&desired, "web"), expected, "{service}");
    assert_eq!(is_filled(&desired, "web"), filled, "{service}");
    assert_eq!(stack.codes(), codes, "{service}");
}

const LOST: &[&str] = &["image-volume services.web.image"];

#[test]
fn data_that_ends_with_the_pod_is_kept_until_then_and_told() {
    let stack = Stack::of("services:\n  db:\n    image: postgres:16\n");
    let (desired, text) = problems(&stack);
    assert_eq!(mounts(&desired.unwrap(), "db"), ["/var/lib/postgresql/data: scratch"]);
    assert_eq!(
        text,
        "Warning services.db.image (compose.yaml:3:5): image-volume: keeps its data in /var/lib/postgresql/data, where no volume is mounted: \
         it is lost when the pod is replaced; mount a volume with a name there\n"
    );
}

#[test]
fn whatever_is_mounted_there_stands() {
    check("{image: 'redis:7', volumes: ['data:/data']}", &["/data: app-data/data"], true, &[]);
    check("{image: 'redis:7', tmpfs: ['/data:size=1m']}", &["/data: scratch/data"], false, &[]);
    check("{image: 'redis:7', volumes: [{type: tmpfs, target: /data}]}", &["/data: scratch/data"], false, &[]);
    // Docker, too, makes a volume inside another one.
    let both = ["/var/lib/postgresql: app-data/data", "/var/lib/postgresql/data: scratch"];
    check("{image: 'postgres:16', volumes: ['data:/var/lib/postgresql']}", &both, true, LOST);
}

#[test]
fn logs_and_the_like_are_kept_without_a_word() {
    let mounted = ["/data/configdb: scratch", "/data/db: app-data/data"];
    check("{image: 'mongo:7', volumes: ['data:/data/db']}", &mounted, true, &[]);
}

#[test]
fn it_is_filled_where_the_image_has_content_or_the_user_could_not_make_it_its_own() {
    check("{image: 'redis:7'}", &["/data: scratch"], false, LOST);
    check("{image: 'ghost:5'}", &["/var/lib/ghost/content: scratch/data"], true, LOST);
    check("{image: 'redis:7', user: '999'}", &["/data: scratch/data"], true, LOST);
    check("{image: 'redis:7', user: root}", &["/data: scratch"], false, LOST);
    check("{image: 'redis:7', x-kubernetes: {runAsUser: 999}}", &["/data: scratch/data"], true, LOST);
}

#[test]
fn an_author_may_do_without() {
    check("{image: 'redis:7', x-kubernetes: {imageVolumes: false}}", &[], false, &[]);
    let stack = Stack::of("services: {web: {image: redis}}\nx-kubernetes: {imageVolumes: false}");
    assert_eq!((mounts(&stack.desired(), "web"), stack.codes()), (Vec::new(), Vec::new()));
}

#[test]
fn what_runs_to_its_end_leaves_nothing_there() {
    check("{image: 'postgres:16', command: pg_dump db, restart: 'no'}", &[], false, &[]);
}

#[test]
fn who_takes_all_volumes_of_a_service_takes_those_of_its_image() {
    let stack = Stack::of("services: {app: {image: 'wordpress:6-fpm'}, web: {image: 'nginx:1', volumes_from: ['app:ro']}}");
    let desired = stack.desired();
    let shared = ["/var/www/html: app-app--anonymous-".to_owned()];
    for service in ["app", "web"] {
        let found: Vec<String> = mounts(&desired, service).iter().map(|mount| mount.rsplit_once('-').unwrap().0.to_owned() + "-").collect();
        assert_eq!(found, shared, "{service}");
    }
    assert!(is_filled(&desired, "app") && !is_filled(&desired, "web"));
}

#[test]
fn a_read_only_directory_of_the_stack_has_room_for_it() {
    let stack = Stack::of("services: {db: {image: 'mongo:7', volumes: ['./conf:/data:ro']}}").with_file("conf/a", "x");
    let volumes = pod(&stack.desired(), "db").volumes.unwrap();
    let items = volumes.into_iter().find_map(|volume| volume.config_map?.items).unwrap();
    let paths: Vec<String> = items.into_iter().map(|item| item.path).collect();
    assert_eq!(paths, ["a", "db/.mount-point", "configdb/.mount-point"].map(str::to_owned));
}
