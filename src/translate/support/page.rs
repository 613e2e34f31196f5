use std::fmt::Write;

use super::{Row, attributes, row_of, table};

const HEAD: &str = "<!-- Generated from src/translate/support/table.rs by `make generate`. -->

# What becomes of every attribute

Each attribute of the Compose specification has one of these fates:

- **applied**: it becomes what its line says. A value that can't be had is refused by its path, or approximated with a warning.
- **no effect needed**: nothing that the program can see or do changes.
- **no effect, warned**: it is dropped, and a warning in the status, and of the plugin, says so.
- **refused**: dropping it would break the program, lose data or open more than was asked. Nothing of the stack is applied.
- **refused as yet**: the same, until it is supported.

`*` stands for a name of your own. `kubectl compose report` says the same of one file, line by line.
";

/// Attributes inside another that are named one by one.
const MOST_INSIDE: usize = 40;

/// The table as a page of the documentation.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    let all = attributes();
    for (title, rows) in table::SECTIONS {
        let _ = write!(page, "\n## {title}\n\n| attribute | fate | what becomes of it |\n|---|---|---|\n");
        for row in rows {
            let _ = writeln!(page, "| `{}`{} | {} | {} |", row.at, inside(row, &all), row.fate.word(), said(row));
        }
    }
    page
}

fn said(row: &Row) -> String {
    let mut text = row.fate.reason().to_owned();
    if !row.unless.is_empty() {
        let _ = write!(text, "; {} says what is the case anyway", quoted(row.unless));
    }
    if !row.only.is_empty() {
        let _ = write!(text, "; other values than {} are refused", quoted(row.only));
    }
    text
}

fn quoted(values: &[&str]) -> String {
    values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ")
}

/// The attributes below one that is read as a whole.
fn inside(row: &Row, all: &[String]) -> String {
    let below = all.iter().filter_map(|at| {
        let inner = at.strip_prefix(row.at)?.strip_prefix('.')?;
        row_of(at).is_some_and(|other| other.at == row.at).then_some(format!("`{inner}`"))
    });
    let below: Vec<String> = below.collect();
    match below.len() {
        0 => String::new(),
        1..=MOST_INSIDE => format!(" with {}", below.join(", ")),
        _ => " with everything below it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_every_attribute_of_the_specification() {
        let page = page();
        for at in attributes() {
            let row = row_of(&at).map_or("", |row| row.at);
            let inner = at.strip_prefix(row).and_then(|rest| rest.strip_prefix('.')).unwrap_or(&at);
            let whole = page.contains(&format!("| `{row}` with everything below it |"));
            assert!(whole || page.contains(&format!("`{inner}`")), "{at}");
        }
    }
}
