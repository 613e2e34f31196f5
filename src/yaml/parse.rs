mod marked;
mod words;

use std::collections::BTreeMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, StructureStyle, Tag, options};

use marked::Marked;
use words::{binary, quote, shorten};

use super::limits::{Limits, MAX_BYTES, MAX_COPIES, MAX_DEPTH, MAX_DOCUMENTS, MAX_ERRORS, too_large};
use super::{Entry, Error, FileId, Mapping, Node, Span, Value, path, scalar};

/// Bytes that are read again, in all, for what [`marked`] is about.
const RETRIED_BYTES: usize = MAX_BYTES / 2;

const RESET: &str = "!reset";
const OVERRIDE: &str = "!override";
const TAB: &str = "a tab can't indent YAML; use spaces";
const CORE: &str = "tag:yaml.org,2002:";

/// Reads all documents of a file. Aliases are replaced by copies, merge keys (`<<`) are applied; a document without content is a null.
///
/// After an error of YAML's syntax, or a bound that is passed, the documents before it are returned; after others (duplicate or non-string
/// keys, a tag that doesn't fit) reading goes on.
pub fn parse(text: &str, file: FileId) -> (Vec<Node>, Vec<Error>) {
    parse_within(text, file, Limits::default())
}

/// The same with other limits.
pub fn parse_within(text: &str, file: FileId, limits: Limits) -> (Vec<Node>, Vec<Error>) {
    if text.len() > limits.bytes {
        return (Vec::new(), vec![too_large(text.len(), file, limits)]);
    }
    let mut marked = Marked::default();
    let mut retries = 1 + limits.bytes.min(RETRIED_BYTES) / text.len().max(1);
    loop {
        let Read { documents, errors, refused } = read(marked.text.as_deref().unwrap_or(text), file, &marked, limits);
        retries -= 1;
        let again = retries > 0
            && match refused {
                Some(Refused::LoneDash) => marked.mark_dashes(text),
                Some(Refused::QuotedLine { after, at }) => marked.join_lines(text, after, at),
                None => false,
            };
        if !again {
            return (documents, errors);
        }
    }
}

/// What the event parser refuses and go-yaml takes.
enum Refused {
    LoneDash,
    /// A line of a quoted text, at a byte, that is indented less than the text's mapping, or by a tab; the quote comes after another byte.
    QuotedLine {
        after: usize,
        at: usize,
    },
}

struct Read {
    documents: Vec<Node>,
    errors: Vec<Error>,
    refused: Option<Refused>,
}

fn read(text: &str, file: FileId, marked: &Marked, limits: Limits) -> Read {
    let aliased = text.contains('*');
    let mut refused = None;
    let last_line = text.rsplit_once('\n').map_or(text, |(_, last)| last);
    let cut_off = (!last_line.trim().is_empty()).then(|| text.trim_end().len());
    let mut builder = Builder { file, text, limits, aliased, cut_off, marked: Some(marked), ..Builder::default() };
    let options = options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        emit_anchor_events: aliased,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut after = 0;
    for next in Parser::new_from_str_with_options(text, options) {
        match next {
            Ok((event, at)) => {
                let range = at.byte_range().unwrap_or_default();
                after = after.max(range.end);
                if builder.event(event, span(file, range.start, range.end)).is_err() {
                    break;
                }
            }
            Err(error) => {
                refused = match error.kind() {
                    ErrorKind::PlainScalarStartsWithDashFlowIndicator => Some(Refused::LoneDash),
                    ErrorKind::InvalidQuotedScalarIndent | ErrorKind::TabInIndentation => {
                        Some(Refused::QuotedLine { after, at: error.marker().byte_offset().unwrap_or_default() })
                    }
                    _ => None,
                };
                builder.syntax_error(&error, text);
                break;
            }
        }
    }
    Read { documents: builder.documents, errors: builder.errors, refused }
}

/// Reading can't go on; the error is recorded.
struct Stop;

#[derive(Default)]
struct Builder<'t> {
    file: FileId,
    text: &'t str,
    limits: Limits,
    /// Whether the text can hold an alias at all; without one no anchor is copied.
    aliased: bool,
    /// Where the text of a last line without a line break ends: a block scalar that reaches it has no line break at its end either.
    cut_off: Option<usize>,
    /// What stands for something else in the text.
    marked: Option<&'t Marked>,
    documents: Vec<Node>,
    frames: Vec<Frame>,
    /// By the parser's number. `None` while the anchored value is still being read.
    anchors: BTreeMap<usize, Option<Built>>,
    /// The last number of each name. The reference parser knows the anchors of earlier documents of the file too.
    names: BTreeMap<String, usize>,
    nodes: usize,
    /// Bytes of texts that were copied.
    copied: usize,
    errors: Vec<Error>,
}

/// A finished value with what it costs to copy it.
#[derive(Clone)]
struct Built {
    node: Node,
    /// Values in it, itself included.
    size: usize,
    /// Bytes of its texts, keys included.
    bytes: usize,
    /// Lists and mappings inside each other; 0 for scalars.
    height: usize,
    /// Whether it is a plain `<<`.
    merge: bool,
}

/// A list or mapping that is being read.
struct Frame {
    flow: bool,
    start: Span,
    end: u32,
    tag: Option<String>,
    anchor: usize,
    size: usize,
    bytes: usize,
    height: usize,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping {
        entries: Mapping,
        key: Option<Key>,
        /// The merge key and its value, applied at the end of the mapping.
        merge: Option<Box<(Span, Node)>>,
    },
}

struct Key {
    text: String,
    span: Span,
    merge: bool,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, at: Span) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(..) if self.documents.len() >= MAX_DOCUMENTS => {
                self.stop(at, format!("the file has more than {MAX_DOCUMENTS} documents"))?;
            }
            Event::Anchor(id, name) => {
                self.names.insert(name.into_owned(), id);
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.charge(1, at)?;
                if at.end > at.start {
                    self.check_indentation(at)?;
                }
                let built = self.scalar(&text, style, tag.as_deref(), at)?;
                self.remember(anchor, &built, at)?;
                self.add(built)?;
            }
            Event::Alias(id) => {
                let built = self.alias(id, at)?;
                self.add(built)?;
            }
            Event::UnresolvedAlias(name) => {
                let built = if let Some(id) = self.names.get(&*name).copied() {
                    self.alias(id, at)?
                } else {
                    self.error(at, format!("unknown anchor {} (an anchor stands before its aliases)", quote(&name)))?;
                    Built { node: Node::new(Value::Null, at), size: 1, bytes: 0, height: 0, merge: false }
                };
                self.add(built)?;
            }
            Event::SequenceStart(style, anchor, tag) => self.open(Content::Sequence(Vec::new()), style, anchor, tag.as_deref(), at)?,
            Event::MappingStart(style, anchor, tag) => {
                let content = Content::Mapping { entries: Mapping::default(), key: None, merge: None };
                self.open(content, style, anchor, tag.as_deref(), at)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(at)?,
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, content: Content, style: StructureStyle, anchor: usize, tag: Option<&Tag>, at: Span) -> Result<(), Stop> {
        self.charge(1, at)?;
        self.check_indentation(at)?;
        if self.frames.len() >= MAX_DEPTH {
            return self.stop(at, format!("lists and mappings are nested more than {MAX_DEPTH} deep"));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
        let tag = tag.filter(|tag| tag.suffix_in_namespace(CORE).is_none()).map(Tag::original).filter(|tag| tag != "!");
        self.frames.push(Frame {
            flow: style == StructureStyle::Flow,
            start: at,
            end: at.end,
            tag,
            anchor,
            size: 1,
            bytes: 0,
            height: 1,
            content,
        });
        Ok(())
    }

    fn close(&mut self, at: Span) -> Result<(), Stop> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        // The end of a block is only known from its last child: its own event stands at the next token.
        let end = if at.end > at.start { at.end } else { frame.end };
        let span = Span { end, ..frame.start };
        let mut node = Node { tag: frame.tag.map(Into::into), ..Node::new(Value::Null, span) };
        node.value = match frame.content {
            Content::Sequence(items) => Value::Sequence(items),
            Content::Mapping { mut entries, merge, .. } => {
                if let Some(merge) = merge {
                    let (key, value) = *merge;
                    // What is merged stands at the mapping's own place, and so does what its tag says about that place.
                    if matches!(value.tag.as_deref(), Some(RESET | OVERRIDE)) && node.tag.is_none() {
                        node.tag = Some(OVERRIDE.into());
                    }
                    self.merge(&mut entries, key, value)?;
                }
                Value::from(entries)
            }
        };
        let built = Built { node, size: frame.size, bytes: frame.bytes, height: frame.height, merge: false };
        self.remember(frame.anchor, &built, span)?;
        self.add(built)
    }

    /// The event parser lets some tabs pass.
    fn check_indentation(&mut self, at: Span) -> Result<(), Stop> {
        if self.frames.last().is_some_and(|frame| frame.flow) {
            return Ok(());
        }
        let before = &self.text[..at.start as usize];
        let blanks = before.len() - before.trim_end_matches([' ', '\t']).len();
        let (line, indentation) = before.split_at(before.len() - blanks);
        if indentation.contains('\t') && (line.is_empty() || line.ends_with('\n')) {
            return self.stop(at, TAB.to_owned());
        }
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, at: Span) -> Result<Built, Stop> {
        let quoted = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
        let unmarked = self.marked.and_then(|marked| marked.unmark(text, quoted));
        let text = unmarked.as_deref().unwrap_or(text);
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let text = if block && self.cut_off.is_some_and(|end| at.end as usize >= end) { text.trim_end_matches('\n') } else { text };
        let plain = matches!(style, ScalarStyle::Plain);
        let mut node = Node::new(Value::Null, at);
        let core = tag.and_then(|tag| tag.suffix_in_namespace(CORE));
        match (tag, core) {
            (None, _) if plain => {
                let (value, mark) = scalar::resolve(text);
                if matches!(value, Value::Float(number) if !number.is_finite()) {
                    self.error(at, format!("{text} is no number that JSON has; put it in quotes"))?;
                }
                node.value = value;
                node.tag = mark.map(Into::into);
            }
            (Some(_), Some(core)) if core == "binary" => match binary(text) {
                Some(text) => node.value = text.into(),
                None => self.error(at, "!!binary wants base64 of UTF-8 text".to_owned())?,
            },
            (Some(_), Some(core)) => match scalar::resolve_tagged(&core, text) {
                Ok((value, mark)) => {
                    node.value = value;
                    node.tag = mark.map(Into::into);
                }
                Err(found) => self.error(at, format!("a !!{found} value is tagged !!{core}"))?,
            },
            (local, _) => {
                node.value = text.into();
                node.tag = local.map(Tag::original).filter(|tag| tag != "!").map(Into::into);
            }
        }
        Ok(Built { node, size: 1, bytes: text.len(), height: 0, merge: plain && tag.is_none() && text == "<<" })
    }

    fn remember(&mut self, anchor: usize, built: &Built, at: Span) -> Result<(), Stop> {
        if anchor != 0 && self.aliased {
            self.charge_copy(built.size, built.bytes, at)?;
            self.anchors.insert(anchor, Some(built.clone()));
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, at: Span) -> Result<Built, Stop> {
        let Some(Some(target)) = self.anchors.get(&id) else {
            self.error(at, "an alias stands inside the value that it stands for".to_owned())?;
            return Ok(Built { node: Node::new(Value::Null, at), size: 1, bytes: 0, height: 0, merge: false });
        };
        let (size, bytes, height) = (target.size, target.bytes, target.height);
        if self.frames.len() + height > MAX_DEPTH {
            return self.stop(at, format!("lists and mappings are nested more than {MAX_DEPTH} deep through aliases"));
        }
        self.charge_copy(size, bytes, at)?;
        match self.anchors.get(&id) {
            Some(Some(target)) => Ok(target.clone()),
            _ => Err(Stop),
        }
    }

    /// Puts a finished value where it belongs.
    fn add(&mut self, built: Built) -> Result<(), Stop> {
        let span = built.node.span;
        let Some(frame) = self.frames.last_mut() else {
            self.documents.push(built.node);
            return Ok(());
        };
        frame.size += built.size;
        frame.bytes += built.bytes;
        frame.height = frame.height.max(built.height + 1);
        if span.end > frame.end && span.start >= frame.start.start {
            frame.end = span.end;
        }
        match &mut frame.content {
            Content::Sequence(items) => {
                items.push(built.node);
                Ok(())
            }
            Content::Mapping { key: pending @ None, .. } => match built.node.value {
                Value::String(text) if !built.node.is_timestamp() => {
                    *pending = Some(Key { text, span, merge: built.merge });
                    Ok(())
                }
                _ => {
                    let found = built.node.scalar_text().unwrap_or_else(|| built.node.kind().to_owned());
                    *pending = Some(Key { text: found.clone(), span, merge: built.merge });
                    self.key_error(&found, span)
                }
            },
            Content::Mapping { entries, key, merge } => {
                let Some(Key { text, span: key_span, merge: merges }) = key.take() else { return Ok(()) };
                let first = if merges { merge.as_ref().map(|merge| merge.0) } else { entries.get(&text).map(|entry| entry.key_span) };
                if let Some(first) = first {
                    return self.duplicate(&text, key_span, first);
                }
                if merges {
                    *merge = Some(Box::new((key_span, built.node)));
                } else {
                    entries.insert(text, Entry { key_span, value: built.node });
                }
                Ok(())
            }
        }
    }

    /// `<<`: own keys win over merged ones, earlier mappings of a list over later ones. A mapping that is `!reset` has nothing to merge.
    fn merge(&mut self, entries: &mut Mapping, key: Span, value: Node) -> Result<(), Stop> {
        let sources = match value.value {
            Value::Sequence(items) => items,
            _ => vec![value],
        };
        for source in sources.into_iter().filter(|source| source.tag.as_deref() != Some(RESET)) {
            let kind = source.kind();
            let Value::Mapping(source) = source.value else {
                self.error(key, format!("<< wants a mapping or a list of mappings, found {kind}"))?;
                continue;
            };
            for (name, entry) in *source {
                entries.entry(name).or_insert(entry);
            }
        }
        Ok(())
    }

    fn charge(&mut self, nodes: usize, at: Span) -> Result<(), Stop> {
        self.nodes += nodes;
        if self.nodes > self.limits.nodes {
            let most = self.limits.nodes;
            return self.stop(at, format!("the file has more than {most} values, counting each copy that an alias makes"));
        }
        Ok(())
    }

    fn charge_copy(&mut self, nodes: usize, bytes: usize, at: Span) -> Result<(), Stop> {
        self.charge(nodes, at)?;
        self.copied = self.copied.saturating_add(bytes);
        let most = self.limits.bytes.saturating_mul(MAX_COPIES);
        if self.copied > most {
            return self.stop(at, format!("the values that aliases copy have more than {most} bytes together"));
        }
        Ok(())
    }

    /// The path of the list or mapping that is being read.
    fn path(&self) -> String {
        let enclosing = self.frames.split_last().map_or(&[][..], |(_, enclosing)| enclosing);
        enclosing.iter().fold(String::new(), |parent, frame| match &frame.content {
            Content::Sequence(items) => path::item(&parent, items.len()),
            Content::Mapping { key, .. } => key.as_ref().map_or(parent.clone(), |key| path::child(&parent, &key.text)),
        })
    }

    fn key_error(&mut self, found: &str, at: Span) -> Result<(), Stop> {
        let path = self.path();
        let place = if path.is_empty() { "at top level".to_owned() } else { format!("in {path}") };
        self.push(Error { path, message: format!("non-string key {place}: {}; put it in quotes", shorten(found)), span: at, note: None })
    }

    fn duplicate(&mut self, key: &str, at: Span, first: Span) -> Result<(), Stop> {
        let message = format!("key {} is defined twice in this mapping", quote(key));
        let note = Some(("first defined here".to_owned(), first));
        let path = path::child(&self.path(), key);
        self.push(Error { path, message, span: at, note })
    }

    fn syntax_error(&mut self, error: &ScanError, text: &str) {
        let message = match error.kind() {
            ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabInPlainScalar
            | ErrorKind::TabAtBlockScalarStart => "a tab can't indent YAML; use spaces".to_owned(),
            ErrorKind::RecursionLimitExceeded => format!("lists and mappings are nested more than {MAX_DEPTH} deep"),
            _ => format!("not valid YAML: {}", shorten(&error.info())),
        };
        let at = error.marker().byte_offset().unwrap_or_default().min(text.len());
        let _ = self.error(span(self.file, at, at), message);
    }

    fn error(&mut self, at: Span, message: String) -> Result<(), Stop> {
        self.push(Error { path: String::new(), message, span: at, note: None })
    }

    fn stop<T>(&mut self, at: Span, message: String) -> Result<T, Stop> {
        self.errors.push(Error { path: String::new(), message, span: at, note: None });
        Err(Stop)
    }

    fn push(&mut self, error: Error) -> Result<(), Stop> {
        let at = error.span;
        self.errors.push(error);
        if self.errors.len() >= MAX_ERRORS {
            return self.stop(at, format!("reading stops after {MAX_ERRORS} errors"));
        }
        Ok(())
    }
}

fn span(file: FileId, start: usize, end: usize) -> Span {
    // Files are at most MAX_BYTES long.
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span { file, start: offset(start), end: offset(end) }
}

#[cfg(test)]
mod tests;
