//! Volumes, packed files, configs and secrets: where they come from and how they are mounted.

use std::collections::BTreeMap;

use compose_operator::translate::{Desired, Key, Kind, Object};
use k8s_openapi::api::core::v1::{PodSpec, Volume};

use crate::support::{Stack, manifest, problems};

fn pod(desired: &Desired, service: &str) -> PodSpec {
    match &desired.objects[&desired.service(service).unwrap().workload] {
        Object::Deployment(object) => object.spec.clone().unwrap().template.spec.unwrap(),
        Object::DaemonSet(object) => object.spec.clone().unwrap().template.spec.unwrap(),
        Object::Job(object) => object.spec.clone().unwrap().template.spec.unwrap(),
        other => panic!("{} is no workload", other.key()),
    }
}

fn what(volume: &Volume) -> String {
    if let Some(claim) = &volume.persistent_volume_claim {
        return format!("claim {}", claim.claim_name);
    }
    if let Some(map) = &volume.config_map {
        return format!("configmap {}", map.name.rsplit_once("--").map_or(map.name.as_str(), |(name, _)| name));
    }
    if let Some(secret) = &volume.secret {
        let name = secret.secret_name.clone().unwrap();
        return format!("secret {}", name.rsplit_once("--").map_or(name.as_str(), |(name, _)| name));
    }
    let scratch = volume.empty_dir.as_ref().unwrap();
    let limit = scratch.size_limit.as_ref().map_or(String::new(), |limit| format!(" {}", limit.0));
    format!("{}{limit}", scratch.medium.as_deref().unwrap_or("disk"))
}

/// `target: what[/sub path][ ro]` of every mount of the service `web`.
fn mounts(stack: &Stack) -> Vec<String> {
    let pod = pod(&stack.desired(), "web");
    let volumes: BTreeMap<_, _> = pod.volumes.iter().flatten().map(|volume| (volume.name.clone(), what(volume))).collect();
    let line = |mount: &k8s_openapi::api::core::v1::VolumeMount| {
        let path = mount.sub_path.as_ref().map_or(String::new(), |path| format!("/{path}"));
        format!("{}: {}{path}{}", mount.mount_path, volumes[&mount.name], if mount.read_only == Some(true) { " ro" } else { "" })
    };
    pod.containers[0].volume_mounts.iter().flatten().map(line).collect()
}

fn stack(service: &str) -> Stack {
    let declared = "volumes: {data: , cache: {name: shared}, other: {external: true, name: their_claim}, mem: {driver_opts: {type: tmpfs, o: size=1m, device: tmpfs}}}\n";
    Stack::of(&format!("services:\n  web:\n    image: x:1\n{service}{declared}"))
}

#[track_caller]
fn check(service: &str, expected: &[&str]) {
    assert_eq!(mounts(&stack(service)), expected, "{service}");
}

#[test]
fn named_volumes_are_claims_mounted_below_data() {
    check("    volumes: ['data:/data']\n", &["/data: claim app-data/data"]);
    check("    volumes: ['data:/data:ro']\n", &["/data: claim app-data/data ro"]);
    check("    volumes: ['cache:/data']\n", &["/data: claim shared/data"]);
    check("    volumes: [{type: volume, source: data, target: /data, volume: {subpath: a/b}}]\n", &["/data: claim app-data/data/a/b"]);
    check("    volumes: ['data:/aa', 'data:/bb:ro']\n", &["/aa: claim app-data/data", "/bb: claim app-data/data ro"]);
    check("    volumes: ['mem:/data']\n", &["/data: Memory 1048576/data"]);
    check("    volumes: [{type: cluster, source: other, target: /data}]\n", &["/data: claim their-claim"]);
}

#[test]
fn claims_that_exist_already_are_mounted_as_they_are_laid_out() {
    let mut stack = stack("    volumes: ['data:/data', 'other:/other']\n");
    assert_eq!(mounts(&stack), ["/data: claim app-data/data", "/other: claim their-claim"]);
    let desired = stack.desired();
    assert_eq!(desired.services[0].externals.iter().map(|external| external.name.as_str()).collect::<Vec<_>>(), ["their-claim"]);
    assert!(!desired.objects.contains_key(&Key::new(Kind::PersistentVolumeClaim, "their-claim")));

    stack.facts.claim_layouts.insert("app-data".to_owned(), None);
    stack.facts.claim_layouts.insert("their-claim".to_owned(), Some("data".to_owned()));
    assert_eq!(mounts(&stack), ["/data: claim app-data", "/other: claim their-claim/data"]);
    let desired = stack.desired();
    let claim = &desired.objects[&Key::new(Kind::PersistentVolumeClaim, "app-data")];
    assert!(!claim.metadata().annotations.as_ref().unwrap().contains_key("compose-operator.dev/layout"));
}

#[test]
fn what_a_claim_is_like_does_not_depend_on_who_uses_it() {
    let mut unused = stack("");
    unused.settings.volumes.size = Some("5Gi".to_owned());
    let mut used = stack("    volumes: ['data:/data']\n");
    used.settings.volumes.size = Some("5Gi".to_owned());
    let key = Key::new(Kind::PersistentVolumeClaim, "app-data");
    assert_eq!(unused.desired().objects[&key], used.desired().objects[&key]);
    let text = crate::support::manifest(&used.desired().objects[&key]);
    assert!(
        text.contains("storage: 5Gi") && !text.contains("app.kubernetes.io/instance") && text.contains("Prune=false,Delete=false"),
        "{text}"
    );
}

#[test]
fn scratch_space_is_an_empty_directory() {
    check("    tmpfs: ['/run', '/tmp:size=64m,mode=1777']\n", &["/run: Memory/data", "/tmp: Memory 67108864/data"]);
    check("    volumes: [{type: tmpfs, target: /cache, tmpfs: {size: 1048576}}]\n", &["/cache: Memory 1048576/data"]);
    check("    volumes: [/var/lib/x]\n", &["/var/lib/x: disk/data"]);
    check("    volumes: [{type: volume, target: /var/lib/x, volume: {nocopy: true}}]\n", &["/var/lib/x: disk"]);
    check("    shm_size: 256m\n", &["/dev/shm: Memory 268435456/data"]);
}

#[test]
fn packed_files_are_mounted_one_by_one_and_directories_as_a_whole() {
    let stack = stack("    volumes: ['./nginx.conf:/etc/nginx.conf:ro', './conf:/etc/conf:ro', '/host/x:/x:ro']\n")
        .with_file("nginx.conf", "a")
        .with_file("conf/run.sh", "#!/bin/sh\n")
        .with_file("conf/d/y.txt", "y")
        .with_file("/host/x", "x");
    assert_eq!(
        mounts(&stack),
        ["/etc/conf: configmap app--conf ro", "/etc/nginx.conf: configmap app--nginx-conf/nginx.conf ro", "/x: configmap app--x/x ro"]
    );
    let pod = pod(&stack.desired(), "web");
    let conf = pod.volumes.iter().flatten().find(|volume| volume.name == "file-conf").unwrap();
    let items = conf.config_map.clone().unwrap().items.unwrap();
    let items: Vec<_> = items.iter().map(|item| format!("{} {:o}", item.path, item.mode.unwrap())).collect();
    assert_eq!(items, ["d/y.txt 444", "run.sh 555"]);
}

#[test]
fn what_is_mounted_inside_a_packed_directory_finds_a_mount_point() {
    let stack = stack("    volumes: ['./code:/code:ro', /code/node_modules, './other.js:/code/lib/other.js:ro', 'data:/code/src/data']\n")
        .with_file("code/src/a.js", "a")
        .with_file("other.js", "b");
    let desired = stack.desired();
    let pod = pod(&desired, "web");
    let code = pod.volumes.iter().flatten().find(|volume| volume.name == "file-code").unwrap();
    let paths: Vec<_> = code.config_map.clone().unwrap().items.unwrap().into_iter().map(|item| item.path).collect();
    assert_eq!(paths, ["src/a.js", "node_modules/.mount-point", "lib/other.js", "src/data/.mount-point"]);
}

#[test]
fn a_path_that_is_both_a_file_and_a_directory_is_the_directory() {
    let stack = stack("    volumes: ['./conf:/conf:ro']\n").with_file("conf", "a").with_file("conf/x", "b");
    let maps: Vec<_> = stack
        .desired()
        .objects
        .into_values()
        .filter_map(|object| if let Object::ConfigMap(map) = object { map.data } else { None })
        .collect();
    assert_eq!(maps, [BTreeMap::from([("x".to_owned(), "b".to_owned())])]);
}

#[test]
fn numbers_of_any_size_are_survived() {
    let huge =
        "    cpu_quota: 9223372036854775807\n    cpu_shares: 9223372036854775807\n    stop_grace_period: 2540400h\n    cpus: 1e300\n";
    let _ = self::stack(huge).translate();
}

#[test]
fn claims_are_writable_for_users_other_than_root() {
    let group =
        |user: &str| pod(&self::stack(&format!("{user}    volumes: ['data:/data']\n")).desired(), "web").security_context.unwrap().fs_group;
    assert_eq!(group("    user: '1000:2000'\n"), Some(2000));
    assert_eq!(group("    user: '1000'\n"), Some(1000));
    assert_eq!(group("    user: '0'\n"), None);
    assert_eq!(group(""), None);
}

#[test]
fn a_changed_file_changes_its_object_and_rolls_its_users_alone() {
    let stack = |content: &str| {
        let text = "services: {web: {image: x, volumes: ['./a:/a:ro']}, db: {image: y}}";
        Stack::of(text).with_file("a", content).desired()
    };
    let (one, two) = (stack("1"), stack("2"));
    let maps = |desired: &Desired| desired.objects.keys().filter(|key| key.kind == Kind::ConfigMap).cloned().collect::<Vec<_>>();
    assert_ne!(maps(&one), maps(&two));
    assert_ne!(one.service("web").unwrap().inputs, two.service("web").unwrap().inputs);
    assert_eq!(one.service("db").unwrap().inputs, two.service("db").unwrap().inputs);
}

#[track_caller]
fn refused(service: &str, expected: &str) {
    let (desired, text) = problems(&stack(service));
    assert!(desired.is_none(), "not refused: {service}");
    assert!(text.contains(expected), "{service}: {text}");
}

#[test]
fn what_is_not_packed_is_refused_by_path() {
    refused(
        "    volumes: ['./missing:/x']\n",
        "Error services.web.volumes[0] (compose.yaml:4:15): file-missing: \"missing\" is not among the stack's files",
    );
    refused(
        "    volumes: ['/etc/x:/x']\n",
        "host-path: \"/etc/x\" is not among the stack's files, and a path of the node: allowed by the administrator's policy.hostPaths only",
    );
    refused("    volumes: ['/var/run/docker.sock:/var/run/docker.sock:ro']\n", "docker-socket");
    refused("    volumes: ['data:/xx']\n    tmpfs: [/xx]\n", "duplicate-target");
    refused("    volumes: [{type: volume, source: data, target: /x, volume: {subpath: ../y}}]\n", "subpath");
    refused("    volumes: ['data:/x']\n    deploy: {mode: global}\n", "claim-on-every-node");
}

/// `name as user:group [+capability…]: what it does` of every init container of the service `web`.
fn prepared(stack: &Stack) -> Vec<String> {
    let init = pod(&stack.desired(), "web").init_containers.unwrap_or_default();
    let line = |container: &k8s_openapi::api::core::v1::Container| {
        let security = container.security_context.clone().unwrap();
        let capabilities = security.capabilities.unwrap();
        assert_eq!(capabilities.drop, Some(vec!["ALL".to_owned()]));
        assert_eq!((security.allow_privilege_escalation, security.read_only_root_filesystem), (Some(false), Some(true)));
        let id = |id: Option<i64>| id.map_or("-".to_owned(), |id| id.to_string());
        let rights = if capabilities.add.is_some() { "+" } else { "" };
        let args = container.args.clone().unwrap()[1..].join(" ").replace("/.compose-operator/volumes/", "@");
        format!("{} as {}:{}{rights}: {args}", container.name, id(security.run_as_user), id(security.run_as_group))
    };
    init.iter().map(line).collect()
}

#[track_caller]
fn check_prepared(service: &str, expected: &[&str]) {
    assert_eq!(prepared(&stack(service)), expected, "{service}");
}

#[test]
fn fresh_volumes_are_filled_from_the_image() {
    let install = "web--install as 65532:65532: install @helper--binary";
    check_prepared("    volumes: ['data:/data']\n", &[install, "web--seed as 0:0+: seed /data=@volume-data"]);
    check_prepared(
        "    volumes: ['data:/data:ro', /scratch]\n",
        &[install, "web--seed as 0:0+: seed /data=@volume-data /scratch=@anonymous-scratch"],
    );
    check_prepared("    volumes: ['data:/aa', 'data:/bb']\n", &[install, "web--seed as 0:0+: seed /aa=@volume-data /bb=@volume-data"]);
    check_prepared("    user: '1000:2000'\n    volumes: ['data:/data']\n", &[install, "web--seed as 1000:2000: seed /data=@volume-data"]);
    check_prepared("    volumes: ['mem:/data']\n", &["web--files as 0:0: files --directory=1777:@volume-mem/data"]);
    // Nothing is asked for, what others laid out, a part of a volume.
    check_prepared("    volumes: [{type: volume, source: data, target: /data, volume: {nocopy: true}}]\n", &[]);
    check_prepared("    volumes: ['other:/data']\n", &[]);
    check_prepared("    volumes: [{type: volume, source: data, target: /data, volume: {subpath: a}}]\n", &[]);
    let mut kept = stack("    volumes: ['data:/data']\n");
    kept.facts.claim_layouts.insert("app-data".to_owned(), None);
    assert_eq!(prepared(&kept), [""; 0]);
}

#[test]
fn volumes_are_filled_in_the_services_own_image_as_it_is_pulled() {
    let pod = pod(&stack("    pull_policy: never\n    working_dir: /nowhere\n    volumes: ['data:/data']\n").desired(), "web");
    let [install, seed] = pod.init_containers.unwrap().try_into().unwrap();
    assert_eq!((install.image.as_deref(), install.image_pull_policy.as_deref()), (Some("example/helper:1"), Some("IfNotPresent")));
    assert_eq!((seed.image.as_deref(), seed.image_pull_policy.as_deref()), (Some("x:1"), Some("Never")));
    assert_eq!((seed.command, seed.working_dir.as_deref()), (Some(vec!["/.compose-operator/bin/compose-operator".to_owned()]), Some("/")));
    assert_eq!(seed.resources, pod.containers[0].resources);
    let at: Vec<_> = seed.volume_mounts.unwrap().into_iter().map(|mount| format!("{}:{}", mount.name, mount.mount_path)).collect();
    assert_eq!(at, ["volume-data:/.compose-operator/volumes/volume-data", "helper--binary:/.compose-operator/bin"]);
}

#[test]
fn scratch_space_in_memory_has_the_mode_and_owner_that_it_has_in_docker() {
    check_prepared("    tmpfs: [/run]\n", &["web--files as 0:0: files --directory=1777:@tmpfs-run/data"]);
    check_prepared(
        "    tmpfs: ['/run:mode=755,uid=1000,gid=1001']\n    volumes: [{type: tmpfs, target: /cache, tmpfs: {mode: 0700}}]\n",
        &["web--files as 0:0: files --directory=700:@tmpfs-cache/data", "web--files-2 as 1000:1001: files --directory=755:@tmpfs-run/data"],
    );
    check_prepared("    user: '1000'\n    tmpfs: [/run]\n", &["web--files as 1000:-: files --directory=1777:@tmpfs-run/data"]);
    refused("    tmpfs: ['/run:mode=rwx']\n", "tmpfs-mode");
    refused("    tmpfs: ['/run:uid=www']\n", "tmpfs-owner");
}

#[test]
fn a_file_that_may_be_written_to_is_a_copy() {
    let stack = stack("    volumes: ['./a.conf:/etc/a.conf', './run.sh:/run.sh']\n")
        .with_file("a.conf", "1")
        .with_secret_file("run.sh", "#!/bin/sh");
    assert_eq!(mounts(&stack), ["/etc/a.conf: disk/0/a.conf", "/run.sh: Memory/1/run.sh"], "what comes from a Secret reaches no disk");
    assert_eq!(stack.codes(), ["bind-copy services.web.volumes[0]", "bind-copy services.web.volumes[1]"]);
    assert_eq!(
        prepared(&stack),
        [
            "web--files as 0:0: files --file=644:@file-a-conf/a.conf:@helper--files/0/a.conf --file=755:@file-run-sh/run.sh:@helper--secrets/1/run.sh"
        ]
    );
}

#[test]
fn a_directory_that_may_be_written_to_is_a_copy_on_a_claim_of_the_service() {
    let text = "    volumes: ['./site:/var/www']\n";
    let stack = stack(text).with_file("site/index.html", "x").with_file("site/bin/run", "#!/bin/sh");
    assert_eq!(mounts(&stack), ["/var/www: claim app-web--bind-a7d1/data"]);
    assert_eq!(stack.codes(), ["bind-copy services.web.volumes[0]"]);
    assert_eq!(prepared(&stack), ["web--files as 0:0+: files --sync=@file-site:@copy-var-www"]);
    let claim = &stack.desired().objects[&Key::new(Kind::PersistentVolumeClaim, "app-web--bind-a7d1")];
    let annotations = claim.metadata().annotations.clone().unwrap();
    assert_eq!(annotations["compose-operator.dev/volume"], "web:/var/www");
    assert_eq!(annotations["compose-operator.dev/layout"], "data");

    let global = self::stack(&format!("{text}    deploy: {{mode: global}}\n")).with_file("site/index.html", "x");
    assert_eq!(mounts(&global), ["/var/www: disk/data"], "no claim can be on every node");
}

#[test]
fn replicas_that_write_to_their_files_run_on_one_node() {
    let affinity = |replicas: u32| {
        let text = format!("    volumes: ['./site:/site']\n    scale: {replicas}\n");
        let pod = pod(&stack(&text).with_file("site/a", "x").desired(), "web");
        pod.affinity.and_then(|affinity| affinity.pod_affinity).is_some()
    };
    assert_eq!((affinity(1), affinity(2)), (false, true));
}

#[test]
fn volumes_without_a_name_that_others_take_are_claims() {
    let text =
        "services: {web: {image: x, volumes_from: ['db:ro']}, db: {image: y, volumes: [/data]}, other: {image: z, volumes: [/data]}}";
    let stack = Stack::of(text);
    assert_eq!(mounts(&stack), ["/data: claim app-db--anonymous-bd47/data ro"]);
    assert_eq!(prepared(&stack), [""; 0], "the one that declares it has it filled");
    let desired = stack.desired();
    let db = pod(&desired, "db");
    assert!(db.init_containers.unwrap().iter().any(|init| init.name == "db--seed"));
    let claims: Vec<_> =
        desired.objects.keys().filter(|key| key.kind == Kind::PersistentVolumeClaim).map(|key| key.name.as_str()).collect();
    assert_eq!(claims, ["app-db--anonymous-bd47"]);
    for (service, together) in [("web", true), ("db", true), ("other", false)] {
        let affinity = pod(&desired, service).affinity.and_then(|affinity| affinity.pod_affinity);
        assert_eq!(affinity.is_some(), together, "{service}");
    }
}

#[test]
fn volumes_of_nfs_servers_are_the_administrators_to_allow() {
    let text = "services: {web: {image: x, volumes: ['media:/media', 'media:/ro:ro']}}\nvolumes: {media: {driver_opts: {type: nfs, o: 'addr=nas,rw,nfsvers=4', device: ':/srv/media'}}}";
    let mut stack = Stack::of(text);
    let (desired, told) = problems(&stack);
    assert!(desired.is_none() && told.contains("policy.nfs"), "{told}");
    stack.settings.policy.nfs.insert("nas".to_owned());
    let pod = pod(&stack.desired(), "web");
    let nfs = pod.volumes.unwrap().remove(0).nfs.unwrap();
    assert_eq!((nfs.server.as_str(), nfs.path.as_str(), nfs.read_only), ("nas", "/srv/media", None));
    let mounts = pod.containers[0].volume_mounts.clone().unwrap();
    assert_eq!(
        mounts.iter().map(|mount| (mount.mount_path.as_str(), mount.read_only)).collect::<Vec<_>>(),
        [("/media", None), ("/ro", Some(true))]
    );
    assert_eq!(pod.init_containers, None, "what lies on a server is not filled");
    assert_eq!(stack.codes(), ["nfs-option volumes.media.driver_opts.o"]);
}

#[test]
fn a_directory_that_is_too_large_for_one_object_stands_in_several() {
    let large = "x".repeat(700 << 10);
    let files = |stack: Stack| stack.with_file("site/a", &large).with_file("site/b", &large).with_file("site/c", "small");
    let stack = files(stack("    volumes: ['./site:/site:ro']\n"));
    let desired = stack.desired();
    let volume = pod(&desired, "web").volumes.unwrap().remove(0);
    let sources = volume.projected.unwrap().sources.unwrap();
    let paths: Vec<Vec<String>> = sources
        .iter()
        .map(|source| source.config_map.clone().unwrap().items.unwrap().into_iter().map(|item| item.path).collect())
        .collect();
    assert_eq!(paths, [vec!["a"], vec!["b", "c"]]);
    assert_eq!(desired.objects.keys().filter(|key| key.kind == Kind::ConfigMap).count(), 2);
    let huge = self::stack("    volumes: ['./big:/big:ro']\n").with_file("big", &"x".repeat((1 << 20) + 1));
    let (desired, told) = problems(&huge);
    assert!(desired.is_none() && told.contains("too-large: big holds 1048577 bytes"), "{told}");
}

#[test]
fn files_of_owners_other_than_root_are_written_by_them() {
    let declared = "configs: {c: {content: hello}, theirs: {external: true}}\nsecrets: {s: {file: ./s.txt}}\n";
    let stack = |service: &str| {
        let text = format!("services:\n  web:\n    image: x:1\n{service}{declared}");
        Stack::of(&text).with_file("s.txt", "hidden")
    };
    let one = stack(
        "    configs: [{source: c, target: /c, uid: '1000', mode: 0640}]\n    secrets: [{source: s, uid: '1000', gid: '5', mode: 0400}]\n",
    );
    assert_eq!(mounts(&one), ["/c: disk/0/c ro", "/run/secrets/s: Memory/1/s ro"]);
    assert_eq!(
        prepared(&one),
        [
            "web--files as 1000:0: files --file=440:@file-c/c:@helper--files/0/c",
            "web--files-2 as 1000:5: files --file=400:@file-s/s:@helper--secrets/1/s",
        ]
    );
    let external = stack("    configs: [{source: theirs, uid: '7'}]\n");
    assert_eq!(prepared(&external), ["web--files as 7:0: files --file=444:@config-theirs/theirs:@helper--files/0/theirs"]);
    let shown = pod(&external.desired(), "web").volumes.unwrap().into_iter().find_map(|volume| volume.config_map).unwrap();
    assert_eq!(shown.items.unwrap()[0].mode, Some(0o444), "the helper, which isn't root, must be able to read it");
    // Root's files need no helper; and in a pod without root nothing runs as root.
    assert_eq!(prepared(&stack("    secrets: [{source: s, uid: '0', gid: '0'}]\n")), [""; 0]);
    let user = stack("    user: '1000:1000'\n    secrets: [{source: s, gid: '5', mode: 0440}]\n");
    assert_eq!(prepared(&user), ["web--files as 1000:5: files --file=440:@file-s/s:@helper--secrets/0/s"]);
    let (desired, text) = problems(&stack("    secrets: [{source: s, uid: www}]\n"));
    assert!(desired.is_none() && text.contains("owner: \"www\" is not a number"), "{text}");
}

#[test]
fn configs_and_secrets_are_files_with_their_modes() {
    let text = "services:\n  web:\n    image: x:1\n    configs: [c, {source: c, target: /etc/c.conf, mode: 0640}]\n    secrets: [s, {source: s, target: key.pem}]\nconfigs: {c: {content: hello}}\nsecrets: {s: {file: ./s.txt}}\n";
    let stack = Stack::of(text).with_file("s.txt", "hidden");
    assert_eq!(
        mounts(&stack),
        [
            "/c: configmap app--c/c ro",
            "/etc/c.conf: configmap app--c/c ro",
            "/run/secrets/key.pem: secret app--s/s ro",
            "/run/secrets/s: secret app--s/s ro",
        ]
    );
    let pod = pod(&stack.desired(), "web");
    let modes: Vec<_> = pod
        .volumes
        .iter()
        .flatten()
        .filter_map(|volume| volume.config_map.clone())
        .map(|map| map.items.unwrap()[0].mode.unwrap())
        .collect();
    assert_eq!(modes, [0o444, 0o440], "write bits are dropped");
}

#[test]
fn binary_content_survives_byte_for_byte() {
    let mut stack = stack("    volumes: ['./a.bin:/a:ro']\n");
    let bytes = [0_u8, 159, 146, 150, 13, 10];
    stack.files.files.insert(
        "a.bin".to_owned(),
        compose_operator::compose::sources::File { content: bytes.as_slice().into(), executable: false, tainted: false },
    );
    let desired = stack.desired();
    let map = desired.objects.values().find_map(|object| if let Object::ConfigMap(map) = object { Some(map) } else { None }).unwrap();
    assert_eq!(map.binary_data.as_ref().unwrap()["a.bin"].0, bytes);
    assert_eq!((map.immutable, &map.data), (Some(true), &None));
}

#[test]
fn external_configs_and_secrets_are_looked_up_by_name_and_key() {
    let text = "services:\n  web: {image: x, configs: [c], secrets: [s]}\nconfigs: {c: {external: true, name: their-config}}\nsecrets: {s: {external: true}}\n";
    let mut stack = Stack::of(text);
    stack.facts.external_keys.insert((false, "their-config".to_owned()), ["only".to_owned()].into());
    stack.facts.external_keys.insert((true, "s".to_owned()), ["s".to_owned(), "t".to_owned()].into());
    let desired = stack.desired();
    let externals: Vec<_> =
        desired.services[0].externals.iter().map(|external| format!("{:?} {} {}", external.kind, external.name, external.path)).collect();
    assert_eq!(externals, ["ConfigMap their-config configs.c", "Secret s secrets.s"]);
    let pod = pod(&desired, "web");
    let keys: Vec<_> = pod
        .volumes
        .iter()
        .flatten()
        .map(|volume| {
            volume.config_map.clone().map(|map| map.items).or(volume.secret.clone().map(|secret| secret.items)).flatten().unwrap()[0]
                .key
                .clone()
        })
        .collect();
    assert_eq!(keys, ["only", "s"]);
    stack.facts.external_keys.insert((true, "s".to_owned()), ["t".to_owned(), "u".to_owned()].into());
    assert!(stack.codes().contains(&"external-key secrets.s".to_owned()));
}

#[test]
fn services_that_share_a_claim_of_one_node_run_on_one_node() {
    let text =
        "services: {web: {image: x, volumes: ['data:/d1']}, backup: {image: y, volumes: ['data:/d1']}, db: {image: z}}\nvolumes: {data: }";
    let affinity = |stack: &Stack, service: &str| {
        let pod = pod(&stack.desired(), service);
        let affinity = pod.affinity.and_then(|affinity| affinity.pod_affinity);
        affinity.map(|affinity| {
            let term = affinity.required_during_scheduling_ignored_during_execution.unwrap().remove(0);
            term.label_selector.unwrap().match_expressions.unwrap().remove(0).values.unwrap()
        })
    };
    let mut stack = Stack::of(text);
    assert_eq!(affinity(&stack, "web"), Some(vec!["backup".to_owned(), "web".to_owned()]));
    assert_eq!(affinity(&stack, "db"), None);
    stack.settings.volumes.access_mode = Some("ReadWriteMany".to_owned());
    assert_eq!(affinity(&stack, "web"), None);
}

#[test]
fn a_directory_without_files_is_one_in_the_pod_too() {
    let mut stack = Stack::of("services: {web: {image: x, volumes: ['./data:/data', './conf:/conf:ro']}}");
    for directory in ["data/", "conf/"] {
        stack.files.files.insert(directory.to_owned(), compose_operator::compose::sources::File::default());
    }
    let desired = stack.desired();
    let workload = manifest(&desired.objects[&desired.services[0].workload]);
    assert!(!workload.contains("initContainers") && workload.contains("claimName: app-web--bind-"), "{workload}");
    assert!(workload.contains("- emptyDir: {}\n        name: empty-conf\n"), "{workload}");
    assert!(!desired.objects.keys().any(|key| key.kind == Kind::ConfigMap));
    assert_eq!(stack.codes(), ["bind-copy services.web.volumes[0]"]);
    stack.files.files.clear();
    let (desired, text) = problems(&stack);
    assert!(desired.is_none() && text.contains("file-missing"), "a resource has all of its files: {text}");
}

#[test]
fn an_image_volume_names_an_image() {
    let (desired, text) = problems(&Stack::of("services: {web: {image: x, volumes: [{type: image, source: '', target: /d}]}}"));
    assert!(desired.is_none() && text.contains("services.web.volumes[0]") && text.contains("names no image"), "{text}");
}
