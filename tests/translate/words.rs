//! Misspelt words: what the specification's schema lets pass as any text is refused here with the word that was meant.

use crate::support::{Stack, problems};

/// A service with these lines is refused with this line.
#[track_caller]
fn check(lines: &str, expected: &str) {
    let stack = Stack::of(&format!("services:\n  web:\n    image: nginx\n    {lines}\n"));
    let (desired, told) = problems(&stack);
    assert!(desired.is_none(), "{lines} is not refused");
    assert!(told.contains(expected), "{told}");
}

#[test]
fn a_misspelt_value_is_refused_with_the_one_that_was_meant() {
    check(
        "restart: allways",
        "services.web.restart (compose.yaml:4:5): restart: \"allways\" is not allowed; \
         allowed are no, always, on-failure, on-failure:<n>, unless-stopped (did you mean \"always\"?)",
    );
    check("pull_policy: alway", "did you mean \"always\"?");
    check("deploy: {mode: globl}", "allowed are replicated, global, replicated-job, global-job (did you mean \"global\"?)");
    check("deploy: {endpoint_mode: vipp}", "did you mean \"vip\"?");
    check("deploy: {restart_policy: {condition: onfailure}}", "did you mean \"on-failure\"?");
    check("deploy: {update_config: {failure_action: rolback}}", "did you mean \"rollback\"?");
    check("deploy: {update_config: {order: startfirst}}", "did you mean \"start-first\"?");
    check("ports: [{target: 80, protocol: tpc}]", "services.web.ports[0].protocol");
    check("ports: [{target: 80, mode: ingres}]", "did you mean \"ingress\"?");
    check("volumes: [{type: bindd, source: ., target: /a}]", "did you mean \"bind\"?");
    check("network_mode: nonee", "did you mean \"none\"?");
    check("ipc: privat", "did you mean \"private\"?");
    check("depends_on: {db: {condition: service_healty}}", "did you mean \"service_healthy\"?");
    check("cap_add: [NET_BIND_SERVIC]", "did you mean \"NET_BIND_SERVICE\"?");
    check("stop_signal: SIGTREM", "did you mean \"SIGTERM\"?");
}

#[test]
fn a_protocol_may_be_written_in_any_case() {
    Stack::of("services: {web: {image: nginx, ports: [{target: 80, protocol: TCP}]}}").desired();
}
