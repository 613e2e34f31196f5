//! Which kind of workload a service becomes, how it is rolled out, when its run ends.

use compose_operator::compose::model::FailureAction;
use compose_operator::translate::{Kind, Lifetime, Object, OnFailure};

use crate::support::Stack;

#[track_caller]
fn check(service: &str, kind: Kind, lifetime: Lifetime) {
    let text = format!("services:\n  web:\n    image: x:1\n{service}");
    let desired = Stack::of(&text).desired();
    let plan = desired.service("web").unwrap();
    assert_eq!((plan.kind(), plan.lifetime), (kind, lifetime), "{service}");
    assert!(desired.objects.contains_key(&plan.workload));
}

#[test]
fn the_first_line_that_fits_decides_the_kind() {
    let until = |attempts| Lifetime::UntilSuccess { attempts };
    check("", Kind::Deployment, until(None));
    check("    restart: always\n", Kind::Deployment, Lifetime::Forever);
    check("    restart: unless-stopped\n", Kind::Deployment, Lifetime::Forever);
    check("    restart: \"no\"\n", Kind::Job, Lifetime::Once);
    check("    restart: on-failure\n", Kind::Deployment, until(None));
    check("    restart: on-failure:3\n", Kind::Deployment, until(Some(3)));
    check("    deploy: {mode: global}\n", Kind::DaemonSet, Lifetime::Forever);
    check("    deploy: {mode: replicated-job}\n", Kind::Job, Lifetime::Once);
    check("    deploy: {restart_policy: {condition: none}}\n", Kind::Job, Lifetime::Once);
    check("    deploy: {restart_policy: {condition: any}}\n", Kind::Deployment, Lifetime::Forever);
    check("    deploy: {restart_policy: {condition: on-failure, max_attempts: 2}}\n", Kind::Deployment, until(Some(2)));
    check("    restart: always\n    deploy: {restart_policy: {condition: none}}\n", Kind::Job, Lifetime::Once);
}

#[test]
fn a_service_that_another_waits_for_to_complete_is_a_job() {
    let text =
        "services:\n  migrate: {image: x}\n  web:\n    image: y\n    depends_on: {migrate: {condition: service_completed_successfully}}\n";
    let desired = Stack::of(text).desired();
    assert_eq!(desired.service("migrate").unwrap().kind(), Kind::Job);
    let refused = Stack::of(&text.replace("image: x", "image: x, restart: always"));
    assert!(refused.codes().contains(&"never-completes services.web.depends_on.migrate".to_owned()), "{:?}", refused.codes());
    let stays = text.replace("image: x", "image: x, restart: on-failure:4");
    let desired = Stack::of(&stays).desired();
    let job = desired.objects.values().find_map(|object| if let Object::Job(job) = object { job.spec.clone() } else { None }).unwrap();
    assert_eq!(job.backoff_limit, Some(4));
    assert_eq!(job.template.spec.unwrap().restart_policy.as_deref(), Some("OnFailure"));
}

#[test]
fn a_job_is_named_by_its_inputs_and_a_failure_is_final() {
    let job = |text: &str| {
        let desired = Stack::of(text).desired();
        let plan = desired.service("once").unwrap().clone();
        let Object::Job(job) = &desired.objects[&plan.workload] else { panic!("no Job") };
        (plan, job.spec.clone().unwrap())
    };
    let (plan, spec) = job("services: {once: {image: x, restart: 'no'}}");
    assert_eq!(plan.workload.name, format!("once--{}", &plan.inputs[..8]));
    assert_eq!((spec.backoff_limit, spec.ttl_seconds_after_finished), (Some(0), None));
    assert_eq!(spec.pod_failure_policy.unwrap().rules[0].action, "Ignore");
    let (changed, _) = job("services: {once: {image: y, restart: 'no'}}");
    assert_ne!(plan.workload, changed.workload);
    let (_, many) = job("services: {once: {image: x, deploy: {mode: replicated-job, replicas: 3}}}");
    assert_eq!((many.completions, many.parallelism, many.completion_mode.as_deref()), (Some(3), Some(3), Some("Indexed")));
}

/// `type/maxSurge/maxUnavailable` of the Deployment.
fn strategy(service: &str) -> String {
    let text = format!("services:\n  web:\n    image: x:1\n{service}volumes: {{data: }}\n");
    let desired = Stack::of(&text).desired();
    let Object::Deployment(deployment) = &desired.objects[&desired.services[0].workload] else { panic!("no Deployment") };
    let strategy = deployment.spec.clone().unwrap().strategy.unwrap();
    let json = serde_json::to_value(strategy.rolling_update.unwrap_or_default()).unwrap();
    format!("{}/{}/{}", strategy.type_.unwrap(), json["maxSurge"], json["maxUnavailable"])
}

#[test]
fn two_revisions_never_write_at_once_unless_the_file_says_so() {
    assert_eq!(strategy(""), "RollingUpdate/1/0");
    assert_eq!(strategy("    volumes: ['data:/d']\n"), "Recreate/null/null");
    assert_eq!(strategy("    volumes: ['data:/data:ro']\n"), "RollingUpdate/1/0");
    assert_eq!(strategy("    volumes: ['data:/data']\n    deploy: {update_config: {order: start-first}}\n"), "RollingUpdate/1/0");
    assert_eq!(strategy("    deploy: {update_config: {order: stop-first, parallelism: 2}}\n"), "RollingUpdate/0/2");
    assert_eq!(strategy("    deploy: {update_config: {order: stop-first, parallelism: 0}}\n"), "RollingUpdate/0/\"100%\"");
    assert_eq!(strategy("    deploy: {update_config: {order: start-first, parallelism: 3}}\n"), "RollingUpdate/3/0");
}

#[test]
fn a_stopped_service_has_no_replicas_and_a_stopped_job_keeps_its_form() {
    let mut stack = Stack::of("services: {web: {image: x, deploy: {replicas: 2}}, once: {image: y, restart: 'no'}}");
    stack.settings.stopped = true;
    let desired = stack.desired();
    assert!(desired.services.iter().all(|plan| plan.stopped && plan.replicas == 0));
    let Object::Deployment(web) = &desired.objects[&desired.service("web").unwrap().workload] else { panic!("no Deployment") };
    assert_eq!(web.spec.as_ref().unwrap().replicas, Some(0));
    stack.settings.stopped = false;
    let running = stack.desired();
    let names = |plan: &str| (desired.service(plan).unwrap().inputs.clone(), running.service(plan).unwrap().inputs.clone());
    for plan in ["web", "once"] {
        let (stopped, running) = names(plan);
        assert_eq!(stopped, running, "{plan}");
    }
}

#[test]
fn replicas_of_the_spec_beat_those_of_the_file() {
    let mut stack =
        Stack::of("services: {web: {image: x, deploy: {replicas: 2}}, api: {image: x, scale: 4}, db: {image: x, deploy: {replicas: 0}}}");
    let replicas = |stack: &Stack| stack.desired().services.iter().map(|plan| plan.replicas).collect::<Vec<_>>();
    assert_eq!(replicas(&stack), [2, 4, 0]);
    stack.settings.services.entry("web".to_owned()).or_default().replicas = Some(5);
    assert_eq!(replicas(&stack), [5, 4, 0]);
    stack.settings.services.entry("api".to_owned()).or_default().stopped = true;
    assert_eq!(replicas(&stack), [5, 0, 0]);
}

/// The plan of the service `web` with these words in `deploy`, and what is said of them.
fn update(deploy: &str, undoing: bool) -> (Option<OnFailure>, String, Vec<String>) {
    let mut stack = Stack::of(&format!("services: {{web: {{image: x, deploy: {{{deploy}}}}}}}"));
    stack.settings.undoing = undoing;
    let codes = stack.codes();
    let Some(desired) = stack.translate().0 else { return (None, String::new(), codes) };
    let Object::Deployment(web) = &desired.objects[&desired.services[0].workload] else { panic!("no Deployment") };
    let spec = web.spec.clone().unwrap();
    let rolling = spec.strategy.unwrap().rolling_update.unwrap();
    let json = serde_json::to_value(rolling).unwrap();
    (
        desired.services[0].on_failure,
        format!("{}/{} after {}", json["maxSurge"], json["maxUnavailable"], spec.min_ready_seconds.unwrap_or(0)),
        codes,
    )
}

#[test]
fn what_follows_when_an_update_fails_is_what_the_file_says_of_it() {
    use FailureAction::{Pause, Rollback};
    let action = |words: &str| update(words, false).0.map(|f| (f.action, f.tolerated));
    assert_eq!(action(""), None, "Kubernetes goes on trying");
    assert_eq!(action("update_config: {parallelism: 2}"), None);
    assert_eq!(action("update_config: {failure_action: continue, max_failure_ratio: 0.1}"), None);
    assert_eq!(action("update_config: {failure_action: pause}"), Some((Pause, 0.0)));
    assert_eq!(action("update_config: {max_failure_ratio: 0.25}"), Some((Pause, 0.25)));
    assert_eq!(action("update_config: {failure_action: rollback, max_failure_ratio: 0.5}"), Some((Rollback, 0.5)));
}

#[test]
fn while_an_update_is_undone_the_words_of_rollback_config_hold() {
    let words = "update_config: {parallelism: 2, order: stop-first, delay: 5s, failure_action: rollback}, \
                 rollback_config: {parallelism: 0, order: start-first, monitor: 9s, failure_action: pause}";
    let (action, strategy, said) = update(words, false);
    assert_eq!((action.unwrap().action, strategy.as_str()), (FailureAction::Rollback, "0/2 after 5"));
    assert_eq!(said, [""; 0]);
    let (action, strategy, _) = update(words, true);
    assert_eq!((action.unwrap().action, strategy.as_str()), (FailureAction::Pause, "\"100%\"/0 after 9"));
    assert_eq!(update("update_config: {failure_action: rollback}", true).0, None, "what is put back is not undone");
}

#[test]
fn an_undone_update_is_made_of_the_same_inputs() {
    let mut stack =
        Stack::of("services: {web: {image: x, deploy: {update_config: {failure_action: rollback}, rollback_config: {parallelism: 3}}}}");
    let before = stack.desired();
    stack.settings.undoing = true;
    let after = stack.desired();
    assert_eq!(before.inputs(), after.inputs());
    assert_ne!(before.objects, after.objects);
}

#[test]
fn words_that_make_no_sense_for_a_failed_update_are_refused() {
    let refused = |words: &str| update(words, false).2;
    assert_eq!(
        refused("rollback_config: {failure_action: rollback}"),
        ["invalid-value services.web.deploy.rollback_config.failure_action"],
        "an undone update is not undone"
    );
    for config in ["update_config", "rollback_config"] {
        let expected = [format!("failure-ratio services.web.deploy.{config}.max_failure_ratio")];
        assert_eq!(refused(&format!("{config}: {{max_failure_ratio: 1.5}}")), expected);
        assert_eq!(refused(&format!("{config}: {{max_failure_ratio: -0.1}}")), expected);
    }
}
