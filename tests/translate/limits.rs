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
