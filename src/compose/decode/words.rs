//! A command line as text, split into words as the reference parser does ("command" of the Compose specification). No shell runs it.

/// The words of a command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    pub words: Vec<String>,
    /// The rest of the line, from the first unquoted `;`, `&`, `|`, `<` or `>`: it is not part of the command, since no shell reads it.
    pub lost: Option<String>,
}

/// Words of one line.
pub const MAX_WORDS: usize = 10_000;

/// Why a line can't be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("a quote, a $( or a backtick is not closed, a parenthesis stands alone, or the line ends in a backslash")]
    Unbalanced,
    #[error("the line has more than {MAX_WORDS} words")]
    TooMany,
}

/// Splits at blanks; quotes and backslashes keep what they protect together.
///
/// # Errors
/// What is not closed, or [`MAX_WORDS`].
pub fn split(line: &str) -> Result<Words, Error> {
    let mut splitter = Splitter::default();
    for (at, c) in line.char_indices() {
        if splitter.words.len() > MAX_WORDS {
            return Err(Error::TooMany);
        }
        if splitter.take(c)? == Step::Ends {
            let number = splitter.redirection(c);
            splitter.flush();
            splitter.closed()?;
            return Ok(Words { words: splitter.words, lost: Some(line[at - number..].to_owned()) });
        }
    }
    splitter.flush();
    splitter.closed()?;
    Ok(Words { words: splitter.words, lost: None })
}

#[derive(PartialEq, Eq)]
enum Step {
    Goes,
    Ends,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Quote {
    #[default]
    None,
    Single,
    Double,
    Backtick,
    /// `$(…)`.
    Parenthesis,
}

#[derive(Default)]
struct Splitter {
    words: Vec<String>,
    word: String,
    /// Whether there is a word, even if it is empty.
    started: bool,
    escaped: bool,
    quote: Quote,
}

impl Splitter {
    fn take(&mut self, c: char) -> Result<Step, Error> {
        if self.escaped {
            self.escaped = false;
            self.escape(c);
            return Ok(Step::Goes);
        }
        match (self.quote, c) {
            (Quote::Single, '\\') => self.word.push(c),
            (_, '\\') => self.escaped = true,
            (Quote::None, ' ' | '\t' | '\r' | '\n') => self.flush(),
            (_, ' ' | '\t' | '\r' | '\n') => self.word.push(c),
            (Quote::None, '`') => self.open(Quote::Backtick, Some(c)),
            (Quote::Backtick, '`') | (Quote::Parenthesis, ')') => {
                self.quote = Quote::None;
                self.push(c);
            }
            (Quote::None, '(') if self.word.ends_with('$') && !self.word.ends_with("\\$") => self.open(Quote::Parenthesis, Some(c)),
            (Quote::None | Quote::Parenthesis, '(') | (Quote::None, ')') => return Err(Error::Unbalanced),
            (Quote::None, '"') => self.open(Quote::Double, None),
            (Quote::None, '\'') => self.open(Quote::Single, None),
            (Quote::Double, '"') | (Quote::Single, '\'') => {
                self.quote = Quote::None;
                self.started = true;
            }
            (Quote::None, ';' | '&' | '|' | '<' | '>') => return Ok(Step::Ends),
            _ => self.push(c),
        }
        Ok(Step::Goes)
    }

    fn escape(&mut self, c: char) {
        match (self.quote, c) {
            (Quote::Backtick | Quote::Parenthesis, c) => {
                self.word.push('\\');
                self.push(c);
            }
            (_, 't') => self.push('\t'),
            (_, 'n') => self.push('\n'),
            (_, c) => self.push(c),
        }
    }

    fn open(&mut self, quote: Quote, kept: Option<char>) {
        self.quote = quote;
        if let Some(c) = kept {
            self.push(c);
        }
    }

    fn push(&mut self, c: char) {
        self.started = true;
        self.word.push(c);
    }

    /// The digits of `2>` belong to the redirection, not to the command; how many there are.
    fn redirection(&mut self, operator: char) -> usize {
        let number = !self.word.is_empty() && self.word.bytes().all(|b| b.is_ascii_digit());
        if operator != '>' || !number {
            return 0;
        }
        self.started = false;
        std::mem::take(&mut self.word).len()
    }

    fn flush(&mut self) {
        if std::mem::take(&mut self.started) {
            self.words.push(std::mem::take(&mut self.word));
        }
    }

    fn closed(&self) -> Result<(), Error> {
        if self.escaped || self.quote != Quote::None { Err(Error::Unbalanced) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, words: &[&str], lost: Option<&str>) {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(split(line), Ok(Words { words, lost: lost.map(str::to_owned) }), "{line}");
    }

    #[test]
    fn blanks_split_and_quotes_join() {
        check("nginx -g 'daemon off;'", &["nginx", "-g", "daemon off;"], None);
        check("a \"b c\"d  'e'\n f", &["a", "b cd", "e", "f"], None);
        check("a '' \"\"", &["a", "", ""], None);
        check("", &[], None);
        check("a\\ b \\n\\t \"\\\"\" '\\'", &["a b", "\n\t", "\"", "\\"], None);
        check("echo $(date +%s; x) `a b` $A", &["echo", "$(date +%s; x)", "`a b`", "$A"], None);
        check("é \"ü\"", &["é", "ü"], None);
    }

    #[test]
    fn what_a_shell_would_do_next_is_lost() {
        check("a b && c", &["a", "b"], Some("&& c"));
        check("a; b", &["a"], Some("; b"));
        check("a|b", &["a"], Some("|b"));
        check("a > out", &["a"], Some("> out"));
        check("a 2>&1", &["a"], Some("2>&1"));
        check("a b2>x", &["a", "b2"], Some(">x"));
        check("a ';' \\; b", &["a", ";", ";", "b"], None);
    }

    #[test]
    fn what_is_not_closed_is_refused() {
        for line in ["'a", "\"a", "`a", "$(a", "a\\", "(a)", "a)", "$(a (b))"] {
            assert_eq!(split(line), Err(Error::Unbalanced), "{line}");
        }
    }

    #[test]
    fn the_number_of_words_is_bounded() {
        assert_eq!(split(&"a ".repeat(MAX_WORDS)).map(|line| line.words.len()), Ok(MAX_WORDS));
        assert_eq!(split(&"a ".repeat(MAX_WORDS + 2)), Err(Error::TooMany));
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_split_or_refused_without_a_panic(line in "[a-c '\"`$();&|<>0-9\\\\né\n]{0,40}") {
            let _ = split(&line);
        }
    }
}
