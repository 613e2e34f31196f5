#![no_main]

use compose_operator_fuzz::compose::Loaded;
use compose_operator_fuzz::compose::diagnostic::render_plain;
use compose_operator_fuzz::compose::model;
use compose_operator_fuzz::compose::print::{self, Format};
use compose_operator_fuzz::{Project, SECRETS, on_text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| on_text(data, |text| {
    let source = Project::read(text);
    let Loaded { project, diagnostics, map } = source.load(SECRETS[0]);
    let other = source.load(SECRETS[1]);
    let (messages, others) = (render_plain(&diagnostics, &map), render_plain(&other.diagnostics, &other.map));
    // Where the file itself says the same as the Secret, it is hidden too.
    let hidden = messages.contains("***") || others.contains("***");
    assert!(hidden || messages == others, "a secret value is shown:\n{messages}\n{others}");
    let Some(project) = project else { return };
    let config = print(&project);
    // As in the reference, dollars in keys are doubled, though keys are never interpolated.
    if config.lines().any(|line| line.split(": ").next().is_some_and(|key| key.contains('$'))) {
        return;
    }
    let again = print(&load(&source, &config));
    // What is empty, such as `dockerfile: ""`, is left out of the output, and then the default counts: once, and never again.
    assert_eq!(print(&load(&source, &again)), again, "config of config is the same");
}));

fn load(source: &Project, config: &str) -> model::Project {
    let Loaded { project, diagnostics, map } = source.with(config).load(SECRETS[0]);
    project.unwrap_or_else(|| panic!("what was printed is refused:\n{}{config}", render_plain(&diagnostics, &map)))
}

fn print(project: &model::Project) -> String {
    print::text(&print::value(project, &print::Options { format: Format::Yaml, ..print::Options::default() }), Format::Yaml)
}
