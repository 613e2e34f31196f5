use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::{Try, web};

/// CPU time of a load without optimization.
const MOST: Duration = Duration::from_secs(20);

/// CPU time of this thread, whatever else the machine does.
fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

fn lines(count: usize, line: impl FnMut(usize) -> String) -> String {
    (0..count).map(line).collect::<Vec<_>>().concat()
}

/// Whatever the input, a load ends soon with a message that names the bound.
#[track_caller]
fn bounded(found: &Try, expected: &str) {
    let start = cpu_time();
    let errors = found.errors();
    assert!(errors.iter().any(|error| error.contains(expected)), "{:?}", &errors[..errors.len().min(5)]);
    assert!(cpu_time().saturating_sub(start) < MOST, "took {:?}", cpu_time().saturating_sub(start));
}

#[test]
fn services_that_all_extend_a_large_one_are_bounded() {
    let labels = lines(5000, |index| format!("      l{index}: x\n"));
    let many = lines(500, |index| format!("  s{index}: {{extends: base}}\n"));
    bounded(&Try::of(&format!("services:\n  base:\n    image: x\n    labels:\n{labels}{many}")), "values together");
}

#[test]
fn hooks_that_all_inherit_a_large_service_are_bounded() {
    let labels = lines(5000, |index| format!("  l{index}: x\n"));
    let hooks = lines(500, |_| "- {command: a}\n".to_owned());
    bounded(&web(&format!("labels:\n{labels}pre_start:\n{hooks}")), "inherit more than");
}

#[test]
fn a_tree_of_includes_is_bounded() {
    let mut found = Try::of("include: [f0a.yaml, f0b.yaml]");
    for level in 0..14 {
        let next = level + 1;
        for half in ["a", "b"] {
            let includes = format!("include: [f{next}a.yaml, f{next}b.yaml]\nservices: {{s{level}{half}: {{image: x}}}}");
            found = found.file(&format!("f{level}{half}.yaml"), &includes);
        }
    }
    found = found.file("f14a.yaml", "services: {a: {image: x}}").file("f14b.yaml", "services: {b: {image: x}}");
    bounded(&found, "more than");
}

#[test]
fn a_chain_of_includes_is_bounded() {
    let mut found = Try::of("include: [f0.yaml]");
    for level in 0..40 {
        found = found.file(&format!("f{level}.yaml"), &format!("include: [f{}.yaml]", level + 1));
    }
    bounded(&found, "include each other");
}

#[test]
fn a_chain_of_extended_services_is_bounded() {
    let services = lines(100, |index| format!("  s{index}: {{extends: s{}}}\n", index + 1));
    bounded(&Try::of(&format!("services:\n{services}  s100: {{image: x}}\n")), "extend each other");
}

#[test]
fn port_ranges_are_bounded() {
    bounded(&web("ports: ['1-65535', '1-65535/udp']"), "ports");
}

#[test]
fn lists_that_are_merged_cost_no_more_than_their_length() {
    let list = lines(20_000, |index| format!("- o{index}\n"));
    let other = lines(20_000, |index| format!("      - p{index}\n"));
    let found = web(&format!("security_opt:\n{list}")).merged("b.yaml", &format!("services:\n  web:\n    security_opt:\n{other}"));
    let start = cpu_time();
    assert_eq!(found.project().services["web"].security_opt.len(), 40_000);
    assert!(cpu_time().saturating_sub(start) < MOST, "took {:?}", cpu_time().saturating_sub(start));
}

#[test]
fn files_that_are_merged_onto_much_are_bounded_together() {
    let first = lines(5_000, |index| format!("- o{index}\n"));
    let merged = |count: usize| {
        (0..count).fold(web(&format!("security_opt:\n{first}")), |found, index| {
            found.merged(&format!("f{index}.yaml"), "services: {web: {tty: true}}")
        })
    };
    assert!(merged(9).project().services["web"].tty);
    bounded(&merged(10), "merged one after the other, have more than 50000 values");
}

#[test]
fn thousands_of_unknown_keys_are_told_in_a_bounded_number_of_messages() {
    let keys = lines(15_000, |index| format!("imaage{index}: x\n"));
    let found = web(&keys);
    let start = cpu_time();
    let errors = found.errors();
    assert!(errors.len() <= 201 && errors[200].contains("more problems"), "{}", errors.len());
    assert!(cpu_time().saturating_sub(start) < MOST, "took {:?}", cpu_time().saturating_sub(start));
}

#[test]
fn the_number_of_services_is_bounded() {
    let services = |count| Try::of(&format!("services:\n{}", lines(count, |index| format!("  s{index}: {{image: x}}\n"))));
    assert_eq!(services(1000).project().services.len(), 1000);
    bounded(&services(1001), "more than 1000 services");
}

#[test]
fn what_short_forms_stand_for_is_bounded() {
    let all = lines(190, |index| format!("s{index}, "));
    let services = lines(190, |index| format!("  t{index}: {{image: x, depends_on: [{all}]}}\n"));
    bounded(&Try::of(&format!("services:\n{services}")), "short forms stand for");
}

#[test]
fn an_env_file_that_every_service_reads_is_bounded() {
    let services = lines(500, |index| format!("  s{index}: {{image: x, env_file: a.env}}\n"));
    let variables = lines(1000, |index| format!("A{index}=x\n"));
    bounded(&Try::of(&format!("services:\n{services}")).file("a.env", &variables), "values together");
    bounded(&Try::of(&format!("services:\n{services}")).file("a.env", &"# x\n".repeat(5000)), "bytes of files");
}

#[test]
fn files_that_are_merged_cost_a_bounded_number_of_passes() {
    let text =
        |letter: char| format!("services:\n{}", lines(900, |index| format!("  s{index}: {{image: x, labels: [{letter}=1, b=2]}}\n")));
    let mut found = Try::of(&text('a'));
    for index in 0..60 {
        found = found.merged(&format!("{index}.yaml"), &text('c'));
    }
    bounded(&found, "together");
}

#[test]
fn services_that_all_depend_on_each_other_are_told_of_some_cycles() {
    let all = |but: usize| lines(60, |index| if index == but { String::new() } else { format!("s{index}, ") });
    let services = lines(60, |index| format!("  s{index}: {{image: x, depends_on: [{}]}}\n", all(index)));
    let errors = Try::of(&format!("services:\n{services}")).errors();
    assert!((1..=50).contains(&errors.len()), "{} errors", errors.len());
    assert!(errors[0].contains("depend on each other"), "{}", errors[0]);
}

#[test]
fn many_resets_of_one_mapping_leave_the_rest_as_it_was() {
    let keys = lines(10_000, |index| format!("    l{index}: x\n"));
    let resets = lines(9_999, |index| format!("    l{index}: !reset null\n"));
    let found = web(&format!("labels:\n{}", keys.replace("    ", "  ")));
    let project = found.merged("b.yaml", &format!("services:\n  web:\n   labels:\n{resets}")).project();
    assert_eq!(project.services["web"].labels.keys().collect::<Vec<_>>(), ["l9999"]);
}
