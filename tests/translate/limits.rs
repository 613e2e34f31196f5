//! What no pod can hold.

use crate::support::{Stack, problems};

/// A service with so many items under a key is refused with this message; with as many as are allowed it is not.
#[track_caller]
fn check(key: &str, most: usize, item: impl Fn(usize) -> String, what: &str) {
    let stack = |count: usize| {
        let items: String = (0..count).map(|index| format!("      - {}\n", item(index))).collect();
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
