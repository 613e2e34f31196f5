//! What docker compose prints, to the byte: the files of `tests/compose/golden`, made by `tests/compose/reference`.

use std::fs;
use std::path::Path;

use compose_operator::compose::print::{self, Format};
use compose_operator::compose::sources::{ComposeFile, FileSet, Options, Sources, Variables};
use compose_operator::compose::{Loaded, load};

/// Each golden file: its name without endings, and its text.
fn golden() -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compose/golden");
    let files = fs::read_dir(directory).unwrap().map(|file| file.unwrap().path().to_str().unwrap().to_owned());
    let bases = files.filter_map(|file| Some(file.strip_suffix(".yaml")?.to_owned()).filter(|base| !base.ends_with(".config")));
    bases.map(|base| (base.clone(), fs::read_to_string(base + ".yaml").unwrap())).collect()
}

fn project(text: &str) -> compose_operator::compose::model::Project {
    let file = ComposeFile::Text { name: "compose.yaml".to_owned(), text: text.to_owned(), tainted: false };
    let sources = Sources { files: &FileSet::default(), compose_files: vec![file], variables: Variables::new() };
    let Loaded { project, diagnostics, .. } = load(&sources, &Options { profiles: vec!["*".to_owned()], ..Options::default() });
    project.unwrap_or_else(|| panic!("refused: {diagnostics:#?}"))
}

fn options(format: Format) -> print::Options {
    print::Options { format, working_dir: Some("/project".to_owned()), ..print::Options::default() }
}

#[track_caller]
fn assert_same_lines(want: &str, got: &str, file: &str) {
    for (number, (want, got)) in want.lines().zip(got.lines()).enumerate() {
        assert_eq!(got, want, "{file}:{}", number + 1);
    }
    assert_eq!(got, want, "{file}");
}

#[test]
fn a_project_is_printed_to_the_byte_as_docker_compose_prints_it() {
    let golden = golden();
    assert!(golden.len() >= 2);
    for (base, text) in golden {
        let project = project(&text);
        for (format, ending) in [(Format::Yaml, "config.yaml"), (Format::Json, "config.json")] {
            let file = format!("{base}.{ending}");
            let printed = print::text(&print::value(&project, &options(format)), format);
            assert_same_lines(&fs::read_to_string(&file).unwrap(), &printed, &file);
        }
    }
}

#[test]
fn hashes_are_docker_composes_own() {
    for (base, text) in golden() {
        let services = print::services(&project(&text), &options(Format::Json));
        let mut lines: Vec<String> = services.into_iter().map(|(name, service)| format!("{name} {}\n", print::hash(service))).collect();
        lines.sort();
        let file = base + ".hashes";
        assert_same_lines(&fs::read_to_string(&file).unwrap(), &lines.concat(), &file);
    }
}
