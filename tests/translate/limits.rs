//! What no pod can hold.

use crate::support::{Stack, problems};

/// A service with so many items under a key is refused with this message; with as many as are allowed it is not.
#[track_caller]
fn check(key: &str, most: usize, item: impl Fn(usize) -> String, what: &str) {
    let stack = |count: usize| {
        let items = (0..count).map(|index| format!("      - {}\n", item(index))).collect::<Vec<_>>().concat();
        Stack::of(&format!("services:\n  web:\n    image: nginx\n    {key}:\n{items}"))
    };
    assert!(stack(most).translate().0.is_some(), "{most} {what} are allowed");
    let (desired, told) = problems(&stack(most + 1));
    assert!(desired.is_none());
    assert!(
        told.contains(&format!(
            "services.web (compose.yaml:2:3): too-large: the service has more than {most} {what}: no pod can be made of it"
        )),
        "{told}"
    );
}

#[test]
fn a_service_of_more_parts_than_a_pod_can_have_is_refused_at_once() {
    check("tmpfs", 1_000, |index| format!("/run/{index}"), "mounts");
    check("environment", 10_000, |index| format!("V{index}=x"), "variables");
}

#[test]
fn a_pod_of_more_services_than_it_can_have_is_refused_at_once() {
    let guests =
        (0..=50).map(|index| format!("  s{index}: {{image: nginx, network_mode: \"service:web\"}}\n")).collect::<Vec<_>>().concat();
    let (desired, told) = problems(&Stack::of(&format!("services:\n  web: {{image: nginx}}\n{guests}")));
    assert!(desired.is_none());
    assert!(told.contains("services.s50 (compose.yaml:53:3): too-large: more than 50 services join one pod"), "{told}");
}

/// A project with so many aliases, or volumes, is refused for all of them together.
#[test]
fn more_names_or_volumes_than_a_namespace_is_to_have_are_refused_at_once() {
    let aliases = |count: usize| {
        let service = |index: usize| {
            let names = (0..count / 5).map(|alias| format!("a{index}-{alias}, ")).collect::<Vec<_>>().concat();
            format!("  s{index}: {{image: nginx, networks: {{default: {{aliases: [{names}]}}}}}}\n")
        };
        Stack::of(&format!("services:\n{}", (0..5).map(service).collect::<Vec<_>>().concat()))
    };
    assert!(aliases(5_000).translate().0.is_some());
    let (desired, told) = problems(&aliases(5_005));
    assert!(desired.is_none());
    assert!(told.contains("services (compose.yaml:1:1): too-large: the project has more than 5000 aliases"), "{told}");

    let volumes = |count: usize| {
        let volumes = (0..count).map(|index| format!("  v{index}:\n")).collect::<Vec<_>>().concat();
        Stack::of(&format!("services:\n  web: {{image: nginx}}\nvolumes:\n{volumes}"))
    };
    assert!(volumes(10_000).translate().0.is_some());
    let (desired, told) = problems(&volumes(10_001));
    assert!(desired.is_none());
    assert!(told.contains("volumes (compose.yaml:3:1): too-large: the project has more than 10000 volumes"), "{told}");
}

#[test]
fn files_that_pods_list_are_counted_for_each_service_that_mounts_them() {
    let stack = |services: usize, size: usize| {
        let services =
            (0..services).map(|index| format!("  s{index}: {{image: nginx, volumes: [\"./data:/data:ro\"]}}\n")).collect::<Vec<_>>();
        let files = (0..1_000).map(|index| (format!("data/{index}"), "x".repeat(size))).collect::<Vec<_>>();
        files.iter().fold(Stack::of(&format!("services:\n{}", services.concat())), |stack, (name, content)| stack.with_file(name, content))
    };
    assert!(stack(50, 1).translate().0.is_some());
    let (desired, told) = problems(&stack(51, 1));
    assert!(desired.is_none());
    let expected = "services.s50.volumes (compose.yaml:52:23): too-large: here the services mount more than 50000 files together";
    assert!(told.contains(expected), "{told}");
    let (desired, told) = problems(&stack(5, 15_000));
    assert!(desired.is_none());
    assert!(told.contains("services.s4.volumes") && told.contains("here the services mount more than 64 MiB of files together"), "{told}");
}
