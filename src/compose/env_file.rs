//! Lines of `.env`, `env_file` and `label_file`.

use indexmap::IndexMap;

use super::diagnostic::Diagnostic;
use super::interpolate::{Failure, Variable, Variables, describe, expand};
use super::limits::MAX_VARIABLES;
use crate::yaml::{FileId, Span};

/// How the lines are written (`services.*.env_file[].format`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Quotes, escapes, comments behind values, and variables.
    #[default]
    DotEnv,
    /// The text after `=` as it is.
    Raw,
}

impl Format {
    /// The format of a name; an absent or empty one is the default.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "" | ".env" => Some(Self::DotEnv),
            "raw" => Some(Self::Raw),
            _ => None,
        }
    }
}

/// Reads a file into `variables`, in which later files overwrite earlier ones.
///
/// A bare name is taken from `environment`, else left out. Variables in values are looked up there first, then in what has been read. All
/// values of a `tainted` file are tainted. Reading stops at the first line that can't be understood.
pub fn read(
    text: &str,
    file: FileId,
    format: Format,
    tainted: bool,
    environment: &dyn Variables,
    variables: &mut IndexMap<String, Variable>,
    budget: &mut usize,
) -> Vec<Diagnostic> {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut reader = Reader { text, at: start, file, tainted, environment, variables, budget, diagnostics: Vec::new() };
    let _ = match format {
        Format::DotEnv => reader.statements(),
        Format::Raw => reader.raw_lines(),
    };
    reader.diagnostics
}

/// Reading can't go on; the error is recorded.
struct Stop;

struct Reader<'a> {
    text: &'a str,
    at: usize,
    file: FileId,
    tainted: bool,
    environment: &'a dyn Variables,
    variables: &'a mut IndexMap<String, Variable>,
    budget: &'a mut usize,
    diagnostics: Vec<Diagnostic>,
}

/// What is read so far, behind the interpolation environment.
struct Scope<'a>(&'a dyn Variables, &'a IndexMap<String, Variable>);

impl Variables for Scope<'_> {
    fn get(&self, name: &str) -> Option<&Variable> {
        self.0.get(name).or_else(|| self.1.get(name))
    }
}

impl<'a> Reader<'a> {
    fn statements(&mut self) -> Result<(), Stop> {
        while self.seek_statement() {
            let (key, start, bare) = self.key()?;
            if bare {
                self.inherit(key, start)?;
            } else {
                let value = self.value(start, key)?;
                self.set(key, value, start)?;
            }
        }
        Ok(())
    }

    /// Skips blanks, empty lines and comments.
    fn seek_statement(&mut self) -> bool {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return !trimmed.is_empty();
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    /// The name, where it starts, and whether it stands alone on its line.
    fn key(&mut self) -> Result<(&'a str, usize, bool), Stop> {
        if let Some(after) = self.rest().strip_prefix("export").filter(|after| after.starts_with(char::is_whitespace)) {
            self.at = self.text.len() - after.trim_start_matches(is_blank).len();
        }
        let (start, rest) = (self.at, self.rest());
        let mut end = rest.len();
        for (at, c) in rest.char_indices() {
            match c {
                '=' | ':' | '\n' => {
                    end = at;
                    break;
                }
                '_' | '.' | '-' | '[' | ']' => {}
                c if is_blank(c) || c.is_alphabetic() || c.is_numeric() => {}
                c => return self.stop(start + at, c.len_utf8(), format!("unexpected character {c:?} in a variable name")),
            }
        }
        let key = rest[..end].trim_end();
        if key.contains(' ') {
            return self.stop(start, key.len(), "a variable name cannot contain a space".to_owned());
        }
        if key.is_empty() && rest[end..].starts_with(['=', ':']) {
            return self.stop(start, 1, "a variable name is missing before the value".to_owned());
        }
        let bare = !rest[end..].starts_with(['=', ':']);
        self.at += (end + 1).min(rest.len());
        Ok((key, start, bare))
    }

    fn inherit(&mut self, key: &str, start: usize) -> Result<(), Stop> {
        match self.environment.get(key) {
            Some(variable) => {
                let value = Variable { value: variable.value.clone(), tainted: variable.tainted };
                self.set(key, value, start)
            }
            None => Ok(()),
        }
    }

    fn set(&mut self, key: &str, value: Variable, start: usize) -> Result<(), Stop> {
        self.variables.insert(key.to_owned(), value);
        if self.variables.len() > MAX_VARIABLES {
            return self.stop(start, key.len(), format!("more than {MAX_VARIABLES} variables are set"));
        }
        Ok(())
    }

    fn value(&mut self, key_start: usize, key: &str) -> Result<Variable, Stop> {
        self.at = self.text.len() - self.rest().trim_start_matches(is_blank).len();
        if let Some(quote @ ('"' | '\'')) = self.rest().chars().next() {
            return self.quoted(quote, key_start, key);
        }
        let rest = self.rest();
        let line = rest.split_once('\n').map_or(rest, |(line, _)| line);
        let value = line.split_once(" #").map_or(line, |(value, _)| value).trim_end();
        let start = self.at;
        self.at += (line.len() + 1).min(rest.len());
        self.expanded(value, start)
    }

    /// The value up to the quote that closes it, which may stand on a later line. What follows it is read as a further statement.
    fn quoted(&mut self, quote: char, key_start: usize, key: &str) -> Result<Variable, Stop> {
        let start = self.at + 1;
        let mut value = String::new();
        let mut escaped = false;
        for (at, c) in self.text[start..].char_indices() {
            if c == quote && !escaped {
                self.at = start + at + 1;
                if quote == '"' {
                    return self.expanded(&unescape(&value), start);
                }
                return Ok(Variable { value, tainted: self.tainted });
            }
            if c == '\\' && !escaped {
                escaped = true;
                continue;
            }
            if escaped && c != quote {
                value.push('\\');
            }
            escaped = false;
            value.push(c);
        }
        self.stop(key_start, key.len(), format!("the value of {key} starts with {quote} but has no closing one"))
    }

    fn expanded(&mut self, text: &str, start: usize) -> Result<Variable, Stop> {
        let expansion = expand(text, &Scope(self.environment, self.variables), self.budget);
        match expansion {
            Ok(expansion) => {
                for (_, name) in expansion.unset {
                    let message = format!("The {name:?} variable is not set. Defaulting to a blank string.");
                    self.diagnostics.push(Diagnostic::warning("unset-variable", "", message).at(self.span(start, 0)));
                }
                Ok(Variable { value: expansion.text, tainted: self.tainted || expansion.tainted })
            }
            Err(failure) => {
                let limit = matches!(failure, Failure::TooLarge { .. });
                self.diagnostics.push(describe(failure, String::new(), self.tainted).at(self.span(start, 0)));
                if limit { Err(Stop) } else { Ok(Variable { value: String::new(), tainted: self.tainted }) }
            }
        }
    }

    fn raw_lines(&mut self) -> Result<(), Stop> {
        while self.at < self.text.len() {
            let rest = self.rest();
            let (line, length) = rest.split_once('\n').map_or((rest, rest.len()), |(line, _)| (line, line.len() + 1));
            let statement = line.strip_suffix('\r').unwrap_or(line).trim_start();
            let start = self.at + (line.trim_start().as_ptr() as usize - line.as_ptr() as usize);
            self.at += length;
            if statement.is_empty() || statement.starts_with('#') {
                continue;
            }
            let (key, value) = statement.split_once('=').map_or((statement, None), |(key, value)| (key, Some(value)));
            if key.is_empty() {
                return self.stop(start, 1, "a variable name is missing before the value".to_owned());
            }
            if key.contains([' ', '\t']) {
                return self.stop(start, key.len(), "a variable name cannot contain blanks".to_owned());
            }
            match value {
                Some(value) => self.set(key, Variable { value: value.to_owned(), tainted: self.tainted }, start)?,
                None => self.inherit(key, start)?,
            }
        }
        Ok(())
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn span(&self, start: usize, length: usize) -> Span {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Span { file: self.file, start: offset(start), end: offset(start + length) }
    }

    fn stop<T>(&mut self, start: usize, length: usize, message: String) -> Result<T, Stop> {
        self.diagnostics.push(Diagnostic::error("invalid-env-file", "", message).at(self.span(start, length)));
        Err(Stop)
    }
}

/// Blanks within a line.
fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

/// The escapes of a double-quoted value: `\n`, `\t`, …, `\0` with three octal digits; `\$` becomes the `$$` of interpolation. Others stay.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(c) = rest.chars().next() else {
            out.push('\\');
            break;
        };
        let plain = match c {
            'a' => Some("\u{7}"),
            'b' => Some("\u{8}"),
            'f' => Some("\u{c}"),
            'n' => Some("\n"),
            'r' => Some("\r"),
            't' => Some("\t"),
            'v' => Some("\u{b}"),
            '\\' => Some("\\"),
            '"' => Some("\""),
            '$' => Some("$$"),
            _ => None,
        };
        if let Some(plain) = plain {
            out.push_str(plain);
            rest = &rest[1..];
        } else if c == '0' {
            let digits = rest[1..].bytes().take(3).take_while(u8::is_ascii_digit).count();
            let octal = &rest[1..=digits];
            if let Some(code) = u8::from_str_radix(octal, 8).ok().filter(|_| digits == 3) {
                out.push(char::from(code));
            } else {
                out.push('\\');
                out.push_str(octal);
            }
            rest = &rest[1 + digits..];
        } else {
            out.push('\\');
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::diagnostic::{SourceMap, render_plain};
    use crate::compose::interpolate::MAX_EXPANSION;
    use std::collections::BTreeMap;

    fn load(text: &str, format: Format, tainted: bool) -> (IndexMap<String, Variable>, String) {
        let variable = |value: &str, tainted| Variable { value: value.to_owned(), tainted };
        let environment: BTreeMap<_, _> =
            [("A".to_owned(), variable("shell", false)), ("SECRET".to_owned(), variable("hunter2", true))].into();
        let mut sources = SourceMap::new();
        let file = sources.add(".env", text, tainted);
        let mut variables = IndexMap::new();
        let diagnostics = read(text, file, format, tainted, &environment, &mut variables, &mut { MAX_EXPANSION });
        (variables, render_plain(&diagnostics, &sources))
    }

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let (variables, messages) = load(text, Format::DotEnv, false);
        assert_eq!(messages, "", "{text}");
        let found: Vec<_> = variables.iter().map(|(name, variable)| (name.as_str(), variable.value.as_str())).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[track_caller]
    fn fails(text: &str, expected: &str) {
        assert_eq!(load(text, Format::DotEnv, false).1, expected, "{text}");
    }

    #[test]
    fn names_values_and_comments() {
        check("#\n\n  # x\nK=v", &[("K", "v")]);
        check("K=a b # c # d\nL=v#c\nM= # c\n", &[("K", "a b"), ("L", "v#c"), ("M", "# c")]);
        check("export K=v\nK2: v2\nK.3-[a]=x\n1K\t=\tv\t\n", &[("K", "v"), ("K2", "v2"), ("K.3-[a]", "x"), ("1K", "v")]);
        check("\u{feff}K=v\r\nL=\"w\"\r\nK:\n", &[("K", ""), ("L", "w")]);
        check("K=\"a\" b=c\n", &[("K", "a"), ("b", "c")]);
        check("K=\"a\" # c\nL='b'# d\n", &[("K", "a"), ("L", "b")]);
    }

    #[test]
    fn bare_names_come_from_the_environment_or_are_left_out() {
        check("A\nB\nexport A\n", &[("A", "shell")]);
        check("A", &[("A", "shell")]);
    }

    #[test]
    fn double_quotes_unescape_and_interpolate_single_ones_do_not() {
        check("K=\"a\\nb\\t\\$A $A \\\"x\\\" \\0101 \\c \\0 \\x\"\n", &[("K", "a\nb\t$A shell \"x\" A \\c \\ \\x")]);
        check("L='a\\nb $A \\' z'\n", &[("L", "a\\nb $A ' z")]);
        check("K=\"multi\nline\"\nJ=$K-$A-${U:-d}\n", &[("K", "multi\nline"), ("J", "multi\nline-shell-d")]);
        check("K=\\n\nL=$$A\n", &[("K", "\\n"), ("L", "$A")]);
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_place_and_without_its_value() {
        fails("K=v\nK V=x\n", ".env:2:1: a variable name cannot contain a space\n");
        fails("K!=x\n", ".env:1:2: unexpected character '!' in a variable name\n");
        fails("L=1\nK=\"open\nX=1\n", ".env:2:1: the value of K starts with \" but has no closing one\n");
        fails("=v\n", ".env:1:1: a variable name is missing before the value\n");
        fails(
            "K=${A\nL=$U\n",
            ".env:1:3: invalid interpolation\n  help: write $$ for a dollar\n.env:2:3: warning: The \"U\" variable is not set. Defaulting to a blank string.\n",
        );
    }

    #[test]
    fn of_very_many_variables_none_is_read_beyond_the_bound() {
        let lines = |count: usize| (0..count).flat_map(|index| [format!("A{index}=x"), "\n".to_owned()]).collect::<String>();
        for format in [Format::DotEnv, Format::Raw] {
            assert_eq!(load(&lines(MAX_VARIABLES), format, false).1, "");
            let told = load(&lines(MAX_VARIABLES + 1), format, false).1;
            assert!(told.contains("more than 10000 variables are set"), "{told}");
        }
    }

    #[test]
    fn raw_lines_are_taken_as_they_are() {
        let (variables, messages) = load("  # c\nK=\"$A\" # x \r\nA\nU\nL=\n", Format::Raw, false);
        assert_eq!(messages, "");
        let found: Vec<_> = variables.iter().map(|(name, variable)| (name.as_str(), variable.value.as_str())).collect();
        assert_eq!(found, [("K", "\"$A\" # x "), ("A", "shell"), ("L", "")]);
        assert_eq!(load("K V=x", Format::Raw, false).1, ".env:1:1: a variable name cannot contain blanks\n");
    }

    #[test]
    fn values_of_secrets_stay_tainted() {
        let (variables, _) = load("K=$SECRET\nL=$K\nM=x\nSECRET\n", Format::DotEnv, false);
        let tainted: Vec<_> = variables.values().map(|variable| variable.tainted).collect();
        assert_eq!(tainted, [true, true, false, true]);
        let (variables, messages) = load("K=x\nL=${U:?hunter2}\n", Format::DotEnv, true);
        assert!(variables["K"].tainted);
        assert_eq!(messages, ".env:2:3: required variable U is missing a value\n");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in "([A-C=:#'\"\\\\0-3n\n\r\t $é{}]|export ){0,60}") {
            load(&text, Format::DotEnv, false);
            load(&text, Format::Raw, false);
        }
    }
}
