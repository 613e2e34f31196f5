use super::Variables;

/// `${A:-${B:-…}}` inside each other.
pub const MAX_NESTING: usize = 32;
/// Bytes that the variables of one load may add to its files.
pub const MAX_EXPANSION: usize = 4 << 20;
/// Unset variables that are listed of one value.
const MAX_UNSET: usize = 50;

/// Text with its variables replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expansion {
    pub text: String,
    /// Whether a variable that comes from a Secret is in it.
    pub tainted: bool,
    /// Variables without a value and without a default, with the byte of the text where they stand.
    pub unset: Vec<(usize, String)>,
}

/// Why a text can't be expanded. Offsets are bytes of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A `${` that is not a variable.
    Invalid { offset: usize },
    /// `${name:?reason}` without a value. The reason is left out if a tainted variable is in it.
    Required { offset: usize, name: String, reason: Option<String> },
    /// Deeper than [`MAX_NESTING`].
    TooDeep { offset: usize },
    /// Past [`MAX_EXPANSION`].
    TooLarge { offset: usize },
}

/// Replaces variables as the section "Interpolation" of the Compose specification says, with the reference parser's reading of its edges:
/// `$$` is a dollar, a `$` before anything that can't start a name stays, an operator's word ends on its line. `budget` is what is left of
/// [`MAX_EXPANSION`].
///
/// # Errors
/// The first thing that can't be expanded.
pub fn expand(text: &str, variables: &dyn Variables, budget: &mut usize) -> Result<Expansion, Failure> {
    let mut expander = Expander { variables, budget, unset: Vec::new() };
    let mut out = Output::default();
    expander.expand(text, 0, 0, &mut out)?;
    Ok(Expansion { text: out.text, tainted: out.tainted, unset: expander.unset })
}

#[derive(Default)]
struct Output {
    text: String,
    tainted: bool,
}

struct Expander<'a> {
    variables: &'a dyn Variables,
    budget: &'a mut usize,
    unset: Vec<(usize, String)>,
}

/// What stands at a dollar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    Dollar,
    Literal,
    Invalid,
    Name(&'t str),
    Operator { name: &'t str, operator: &'t str, word: &'t str },
}

impl Expander<'_> {
    /// `base` is where `text` stands in the whole value.
    fn expand(&mut self, text: &str, base: usize, depth: usize, out: &mut Output) -> Result<(), Failure> {
        let mut at = 0;
        while let Some(found) = text[at..].find('$') {
            out.text.push_str(&text[at..at + found]);
            at += found;
            let offset = base + at;
            let (token, length) = token(&text[at..]);
            match token {
                Token::Dollar | Token::Literal => out.text.push('$'),
                Token::Invalid => return Err(Failure::Invalid { offset }),
                Token::Name(name) => {
                    if !self.value(name, offset, out)? && self.unset.len() < MAX_UNSET {
                        self.unset.push((offset, name.to_owned()));
                    }
                }
                Token::Operator { name, operator, word } => {
                    if depth >= MAX_NESTING {
                        return Err(Failure::TooDeep { offset });
                    }
                    let word_at = offset + 2 + name.len() + operator.len();
                    self.operator(name, operator, (word, word_at), offset, depth, out)?;
                }
            }
            at += length;
        }
        out.text.push_str(&text[at..]);
        Ok(())
    }

    fn operator(
        &mut self,
        name: &str,
        operator: &str,
        (word, word_at): (&str, usize),
        offset: usize,
        depth: usize,
        out: &mut Output,
    ) -> Result<(), Failure> {
        let value = self.variables.get(name);
        let present = value.is_some_and(|variable| !operator.starts_with(':') || !variable.value.is_empty());
        match (operator.trim_start_matches(':'), present) {
            ("-", false) | ("+", true) => self.expand(word, word_at, depth + 1, out),
            ("?", false) => {
                let mut reason = Output::default();
                self.expand(word, word_at, depth + 1, &mut reason)?;
                let reason = Some(reason.text).filter(|text| !reason.tainted && !text.is_empty());
                Err(Failure::Required { offset, name: name.to_owned(), reason })
            }
            _ => self.value(name, offset, out).map(|_| ()),
        }
    }

    /// Whether the variable is set.
    fn value(&mut self, name: &str, offset: usize, out: &mut Output) -> Result<bool, Failure> {
        let Some(variable) = self.variables.get(name) else { return Ok(false) };
        *self.budget = self.budget.checked_sub(variable.value.len()).ok_or(Failure::TooLarge { offset })?;
        out.text.push_str(&variable.value);
        out.tainted |= variable.tainted;
        Ok(true)
    }
}

/// Reads what starts at the dollar that `text` starts with, and says how many bytes it takes.
pub(super) fn token(text: &str) -> (Token<'_>, usize) {
    let after = &text[1..];
    if after.starts_with('$') {
        return (Token::Dollar, 2);
    }
    if let Some(braced) = after.strip_prefix('{') {
        return braced_token(text, braced);
    }
    match name(after) {
        "" => (Token::Literal, 1),
        name => (Token::Name(name), 1 + name.len()),
    }
}

fn braced_token<'t>(text: &'t str, braced: &'t str) -> (Token<'t>, usize) {
    let name = name(braced);
    if name.is_empty() {
        return (Token::Invalid, 2);
    }
    let rest = &braced[name.len()..];
    if rest.starts_with('}') {
        return (Token::Name(name), name.len() + 3);
    }
    let operator = [":-", ":+", ":?", "-", "+", "?"].into_iter().find(|operator| rest.starts_with(operator));
    let end = operator.and_then(|_| {
        closing_brace(text).or_else(|| {
            let line = text.split_once('\n').map_or(text, |(line, _)| line);
            line.rfind('}')
        })
    });
    match (operator, end) {
        (Some(operator), Some(end)) => {
            let word = &text[2 + name.len() + operator.len()..end];
            (Token::Operator { name, operator, word }, end + 1)
        }
        _ => (Token::Invalid, 2),
    }
}

fn name(text: &str) -> &str {
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let length = text.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    if starts { &text[..length] } else { "" }
}

/// The brace that closes the first one, where braces are balanced on its line. As in the reference parser, the character after an opening brace is not
/// looked at, so that `{}` inside a word counts as opened only; such text ends at the line's last brace.
fn closing_brace(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut open, mut at) = (0_usize, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'\n' => return None,
            b'}' => {
                open = open.saturating_sub(1);
                if open == 0 {
                    return Some(at);
                }
            }
            b'{' if bytes.get(at + 1) != Some(&b'\n') => {
                open += 1;
                at += 1;
            }
            b'{' => open += 1,
            _ => {}
        }
        at += 1;
    }
    None
}
