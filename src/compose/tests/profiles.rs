use super::Try;

const TEXT: &str = "services:
  web: {image: x}
  debug: {image: x, profiles: [debug]}
  test: {image: x, profiles: [test, ci], depends_on: [web]}
";

#[track_caller]
fn check(profiles: &[&str], services: &[&str], expected: &[&str], inactive: &[&str]) {
    let mut found = Try::of(TEXT);
    found.options.profiles = profiles.iter().map(|name| (*name).to_owned()).collect();
    found.options.services = services.iter().map(|name| (*name).to_owned()).collect();
    let project = found.project();
    assert_eq!(project.services.keys().collect::<Vec<_>>(), expected, "{profiles:?} {services:?}");
    assert_eq!(project.inactive, inactive, "{profiles:?} {services:?}");
}

#[test]
fn a_service_with_profiles_needs_one_that_is_active() {
    check(&[], &[], &["web"], &["debug", "test"]);
    check(&["debug"], &[], &["web", "debug"], &["test"]);
    check(&["ci"], &[], &["web", "test"], &["debug"]);
    check(&["*"], &[], &["web", "debug", "test"], &[]);
    check(&["other"], &[], &["web"], &["debug", "test"]);
}

#[test]
fn a_service_that_is_asked_for_brings_its_profile_and_what_it_depends_on() {
    check(&[], &["web"], &["web"], &["debug", "test"]);
    check(&[], &["test"], &["web", "test"], &["debug"]);
    let mut found = Try::of(TEXT);
    found.options.services = vec!["wbe".to_owned()];
    found.refused(&[": there is no service \"wbe\", did you mean \"web\"?"]);
}

#[test]
fn a_dependency_on_an_inactive_service_must_be_optional() {
    let text = |required: bool| {
        format!(
            "services: {{web: {{image: x, depends_on: {{dbg: {{condition: service_started, required: {required}}}}}}}, dbg: {{image: x, profiles: [d]}}}}"
        )
    };
    Try::of(&text(true)).refused(&["services.web.depends_on.dbg: service \"dbg\" is in no active profile"]);
    Try::of(&text(false)).project();
}

#[test]
fn what_no_service_uses_can_be_left_out() {
    let text = "services: {web: {image: x, networks: [a]}}\nnetworks: {a: , b: }\nvolumes: {v: }";
    let mut found = Try::of(text);
    assert_eq!(found.project().networks.len(), 2);
    found.options.keep_unused = false;
    let project = found.project();
    assert_eq!((project.networks.len(), project.volumes.len()), (1, 0));
}
