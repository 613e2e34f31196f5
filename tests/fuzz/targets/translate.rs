#![no_main]

use std::collections::BTreeSet;

use compose_operator_fuzz::compose::diagnostic::Diagnostic;
use compose_operator_fuzz::translate::{Facts, Settings, translate};
use compose_operator_fuzz::{Project, SECRETS, on_text, well_formed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| on_text(data, |text| {
    let Some(project) = Project::read(text).load(SECRETS[0]).project else { return };
    let (settings, facts) = (Settings::default(), Facts::default());
    let (desired, diagnostics) = translate(&project, &settings, &facts);
    well_formed(&diagnostics);
    assert_eq!(desired.is_none(), diagnostics.iter().any(Diagnostic::is_error), "objects or an error, never both, never neither");
    let Some(desired) = desired else { return };
    let mut workloads = BTreeSet::new();
    for (key, object) in &desired.objects {
        assert_eq!(*key, object.key());
        assert!(is_name(object.name()), "{key}");
        assert!(!object.inputs().is_empty(), "{key}");
    }
    for plan in &desired.services {
        assert!(project.services.contains_key(&plan.name), "{}", plan.name);
        assert!(desired.objects.contains_key(&plan.workload), "{}", plan.workload);
        assert!(plan.is_guest() || workloads.insert(plan.workload.clone()), "{} runs two services", plan.workload);
    }
    let (again, repeated) = translate(&project, &settings, &facts);
    assert_eq!(again.as_ref(), Some(&desired), "the same project is translated alike");
    assert_eq!(repeated, diagnostics);
}));

/// A DNS subdomain, as API servers want the names of objects.
fn is_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 253 && name.starts_with(edge) && name.ends_with(edge) && name.chars().all(legal)
}
