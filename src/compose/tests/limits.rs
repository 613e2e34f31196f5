use super::{Try, web};

fn lines(count: usize, line: impl FnMut(usize) -> String) -> String {
    (0..count).map(line).collect::<Vec<_>>().concat()
}

/// Whatever the input, a load ends soon with a message that names the bound.
#[track_caller]
fn bounded(found: &Try, expected: &str) {
    let start = std::time::Instant::now();
    let errors = found.errors();
    assert!(errors.iter().any(|error| error.contains(expected)), "{:?}", &errors[..errors.len().min(5)]);
    assert!(start.elapsed().as_secs() < 20, "took {:?}", start.elapsed());
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
    let list = lines(40_000, |index| format!("- o{index}\n"));
    let other = lines(40_000, |index| format!("      - p{index}\n"));
    let found = web(&format!("security_opt:\n{list}")).merged("b.yaml", &format!("services:\n  web:\n    security_opt:\n{other}"));
    let start = std::time::Instant::now();
    assert_eq!(found.project().services["web"].security_opt.len(), 80_000);
    assert!(start.elapsed().as_secs() < 20, "took {:?}", start.elapsed());
}

#[test]
fn thousands_of_unknown_keys_are_told_in_a_bounded_number_of_messages() {
    let keys = lines(20_000, |index| format!("imaage{index}: x\n"));
    let found = web(&keys);
    let start = std::time::Instant::now();
    let errors = found.errors();
    assert!(errors.len() <= 201 && errors[200].contains("more problems"), "{}", errors.len());
    assert!(start.elapsed().as_secs() < 20, "took {:?}", start.elapsed());
}
