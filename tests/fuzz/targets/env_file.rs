#![no_main]

use compose_operator_fuzz::compose::env_file::{Format, read};
use compose_operator_fuzz::compose::interpolate::MAX_EXPANSION;
use compose_operator_fuzz::yaml::FileId;
use compose_operator_fuzz::{SECRETS, on_text, variables, well_formed};
use indexmap::IndexMap;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| on_text(data, |text| {
    let [environment, other_environment] = SECRETS.map(variables);
    for format in [Format::DotEnv, Format::Raw] {
        let mut found = IndexMap::new();
        let mut budget = MAX_EXPANSION;
        let diagnostics = read(text, FileId::default(), format, false, &environment, &mut found, &mut budget);
        well_formed(&diagnostics);
        let mut others = IndexMap::new();
        let other_diagnostics = read(text, FileId::default(), format, false, &other_environment, &mut others, &mut { MAX_EXPANSION });
        assert_eq!(other_diagnostics, diagnostics, "a secret value is shown");
        for span in diagnostics.iter().filter_map(|diagnostic| diagnostic.span) {
            assert!(text.get(span.start as usize..span.end as usize).is_some(), "{span:?}");
        }
        assert!(found.len() <= text.len());
        let bytes: usize = found.values().map(|variable| variable.value.len()).sum();
        // What is inherited is not bought from the budget: at most one copy for each name.
        let inherited: usize = environment.values().map(|variable| variable.value.len()).sum();
        assert!(bytes <= text.len() + (MAX_EXPANSION - budget) + inherited, "{bytes} bytes of values");
        for (name, variable) in &found {
            assert!(!name.is_empty() && !name.contains(['=', '\n']), "{name:?}");
            assert!(variable.tainted || others[name].value == variable.value, "a secret without taint");
        }
        let mut tainted = IndexMap::new();
        let diagnostics_of_secret = read(text, FileId::default(), format, true, &environment, &mut tainted, &mut { MAX_EXPANSION });
        well_formed(&diagnostics_of_secret);
        assert!(tainted.iter().all(|(name, variable)| variable.tainted || environment.contains_key(name)));
        if format == Format::Raw && diagnostics.is_empty() {
            let lines: String = found.iter().map(|(name, variable)| format!("{name}={}\n", variable.value)).collect();
            let mut again = IndexMap::new();
            read(&lines, FileId::default(), format, false, &environment, &mut again, &mut { MAX_EXPANSION });
            let plain = |variables: &IndexMap<String, _>| variables.keys().cloned().collect::<Vec<_>>();
            assert_eq!(plain(&again), plain(&found), "what was read is read again");
        }
    }
}));
