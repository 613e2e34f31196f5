use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Tag, options};

use super::{Entry, Error, FileId, Mapping, Node, Span, Value, path, scalar};

/// Bytes of one YAML file.
pub const MAX_BYTES: usize = 1 << 20;
/// Values of one file, the copies that aliases make included; the reference parser's bound.
pub const MAX_NODES: usize = 100_000;
/// Lists and mappings inside each other.
pub const MAX_DEPTH: usize = 128;
/// Errors that are reported of one file.
pub const MAX_ERRORS: usize = 50;

const CORE: &str = "tag:yaml.org,2002:";

/// The file's bytes as text.
///
/// # Errors
/// The first byte that is not UTF-8, or the size if it passes [`MAX_BYTES`].
pub fn text(bytes: &[u8], file: FileId) -> Result<&str, Error> {
    if bytes.len() > MAX_BYTES {
        return Err(too_large(bytes.len(), file));
    }
    std::str::from_utf8(bytes).map_err(|cause| {
        let at = span(file, cause.valid_up_to(), cause.valid_up_to());
        Error { path: String::new(), message: "the file is not UTF-8 text".to_owned(), span: at, note: None }
    })
}

/// Reads all documents of a file. Aliases are replaced by copies, merge keys (`<<`) are applied; a document without content is a null.
///
/// After an error of YAML's syntax, or a bound that is passed, the documents before it are returned; after others (duplicate or non-string
/// keys, a tag that doesn't fit) reading goes on.
pub fn parse(text: &str, file: FileId) -> (Vec<Node>, Vec<Error>) {
    if text.len() > MAX_BYTES {
        return (Vec::new(), vec![too_large(text.len(), file)]);
    }
    let mut builder = Builder {
        file,
        keep_anchors: text.contains('*'),
        documents: Vec::new(),
        frames: Vec::new(),
        anchors: BTreeMap::new(),
        nodes: 0,
        errors: Vec::new(),
    };
    let options =
        options! { emit_comments: false, emit_unresolved_aliases: true, flow_nesting_limit: MAX_DEPTH, block_nesting_limit: MAX_DEPTH };
    for next in Parser::new_from_str_with_options(text, options) {
        match next {
            Ok((event, at)) => {
                let range = at.byte_range().unwrap_or_default();
                if builder.event(event, span(file, range.start, range.end)).is_err() {
                    break;
                }
            }
            Err(error) => {
                builder.syntax_error(&error, text);
                break;
            }
        }
    }
    (builder.documents, builder.errors)
}

/// Reading can't go on; the error is recorded.
struct Stop;

struct Builder {
    file: FileId,
    /// Whether the text can hold an alias at all; without one no anchor is copied.
    keep_anchors: bool,
    documents: Vec<Node>,
    frames: Vec<Frame>,
    /// By the parser's number. `None` while the anchored value is still being read.
    anchors: BTreeMap<usize, Option<Built>>,
    nodes: usize,
    errors: Vec<Error>,
}

/// A finished value with what it costs to copy it.
#[derive(Clone)]
struct Built {
    node: Node,
    /// Values in it, itself included.
    size: usize,
    /// Lists and mappings inside each other; 0 for scalars.
    height: usize,
    /// Whether it is a plain `<<`.
    merge: bool,
}

/// A list or mapping that is being read.
struct Frame {
    start: Span,
    end: u32,
    tag: Option<String>,
    anchor: usize,
    size: usize,
    height: usize,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping { entries: Mapping, key: Option<Key>, merge: Option<(Span, Node)> },
}

struct Key {
    text: String,
    span: Span,
    merge: bool,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, at: Span) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(..) => self.anchors.clear(),
            Event::Scalar(text, style, anchor, tag) => {
                self.charge(1, at)?;
                let built = self.scalar(&text, style, tag.as_deref(), at)?;
                self.remember(anchor, &built, at)?;
                self.add(built)?;
            }
            Event::Alias(id) => {
                let built = self.alias(id, at)?;
                self.add(built)?;
            }
            Event::UnresolvedAlias(name) => {
                let message = format!("unknown anchor {} (an anchor stands before its aliases, in the same document)", quote(&name));
                self.error(at, message)?;
                self.add(Built { node: Node::new(Value::Null, at), size: 1, height: 0, merge: false })?;
            }
            Event::SequenceStart(_, anchor, tag) => self.open(Content::Sequence(Vec::new()), anchor, tag.as_deref(), at)?,
            Event::MappingStart(_, anchor, tag) => {
                self.open(Content::Mapping { entries: Mapping::new(), key: None, merge: None }, anchor, tag.as_deref(), at)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(at)?,
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, content: Content, anchor: usize, tag: Option<&Tag>, at: Span) -> Result<(), Stop> {
        self.charge(1, at)?;
        if self.frames.len() >= MAX_DEPTH {
            return self.stop(at, format!("lists and mappings are nested more than {MAX_DEPTH} deep"));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
        let tag = tag.filter(|tag| tag.suffix_in_namespace(CORE).is_none()).map(Tag::original).filter(|tag| tag != "!");
        self.frames.push(Frame { start: at, end: at.end, tag, anchor, size: 1, height: 1, content });
        Ok(())
    }

    fn close(&mut self, at: Span) -> Result<(), Stop> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        // The end of a block is only known from its last child: its own event stands at the next token.
        let end = if at.end > at.start { at.end } else { frame.end };
        let span = Span { end, ..frame.start };
        let value = match frame.content {
            Content::Sequence(items) => Value::Sequence(items),
            Content::Mapping { mut entries, merge, .. } => {
                if let Some((key, value)) = merge {
                    self.merge(&mut entries, key, value)?;
                }
                Value::Mapping(entries)
            }
        };
        let node = Node { tag: frame.tag, ..Node::new(value, span) };
        let built = Built { node, size: frame.size, height: frame.height, merge: false };
        self.remember(frame.anchor, &built, span)?;
        self.add(built)
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, at: Span) -> Result<Built, Stop> {
        let plain = matches!(style, ScalarStyle::Plain);
        let mut node = Node::new(Value::Null, at);
        let core = tag.and_then(|tag| tag.suffix_in_namespace(CORE));
        match (tag, core) {
            (None, _) if plain => {
                let (value, mark) = scalar::resolve(text);
                node.value = value;
                node.tag = mark.map(str::to_owned);
            }
            (Some(_), Some(core)) if core == "binary" => match binary(text) {
                Some(text) => node.value = text.into(),
                None => self.error(at, "!!binary wants base64 of UTF-8 text".to_owned())?,
            },
            (Some(_), Some(core)) => match scalar::resolve_tagged(&core, text) {
                Ok((value, mark)) => {
                    node.value = value;
                    node.tag = mark.map(str::to_owned);
                }
                Err(found) => self.error(at, format!("a !!{found} value is tagged !!{core}"))?,
            },
            (local, _) => {
                node.value = text.into();
                node.tag = local.map(Tag::original).filter(|tag| tag != "!");
            }
        }
        Ok(Built { node, size: 1, height: 0, merge: plain && tag.is_none() && text == "<<" })
    }

    fn remember(&mut self, anchor: usize, built: &Built, at: Span) -> Result<(), Stop> {
        if anchor != 0 && self.keep_anchors {
            self.charge(built.size, at)?;
            self.anchors.insert(anchor, Some(built.clone()));
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, at: Span) -> Result<Built, Stop> {
        let Some(Some(target)) = self.anchors.get(&id) else {
            self.error(at, "an alias stands inside the value that it stands for".to_owned())?;
            return Ok(Built { node: Node::new(Value::Null, at), size: 1, height: 0, merge: false });
        };
        let (size, height) = (target.size, target.height);
        if self.frames.len() + height > MAX_DEPTH {
            return self.stop(at, format!("lists and mappings are nested more than {MAX_DEPTH} deep through aliases"));
        }
        self.charge(size, at)?;
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
        frame.height = frame.height.max(built.height + 1);
        if span.end > frame.end && span.start >= frame.start.start {
            frame.end = span.end;
        }
        match &mut frame.content {
            Content::Sequence(items) => {
                items.push(built.node);
                Ok(())
            }
            Content::Mapping { key: pending @ None, .. } => {
                let text = built.node.as_str().map(str::to_owned).filter(|_| built.node.tag.is_none());
                let found = built.node.scalar_text().unwrap_or_else(|| built.node.kind().to_owned());
                *pending = Some(Key { text: text.clone().unwrap_or_else(|| found.clone()), span, merge: built.merge });
                if text.is_some() { Ok(()) } else { self.key_error(&found, span) }
            }
            Content::Mapping { entries, key, merge } => {
                let Some(Key { text, span: key_span, merge: merges }) = key.take() else { return Ok(()) };
                let first = if merges { merge.as_ref().map(|(first, _)| *first) } else { entries.get(&text).map(|entry| entry.key_span) };
                if let Some(first) = first {
                    return self.duplicate(&text, key_span, first);
                }
                if merges {
                    *merge = Some((key_span, built.node));
                } else {
                    entries.insert(text, Entry { key_span, value: built.node });
                }
                Ok(())
            }
        }
    }

    /// `<<`: own keys win over merged ones, earlier mappings of a list over later ones.
    fn merge(&mut self, entries: &mut Mapping, key: Span, value: Node) -> Result<(), Stop> {
        let sources = match value.value {
            Value::Sequence(items) => items,
            _ => vec![value],
        };
        for source in sources {
            let kind = source.kind();
            let Value::Mapping(source) = source.value else {
                self.error(key, format!("<< wants a mapping or a list of mappings, found {kind}"))?;
                continue;
            };
            for (name, entry) in source {
                entries.entry(name).or_insert(entry);
            }
        }
        Ok(())
    }

    fn charge(&mut self, nodes: usize, at: Span) -> Result<(), Stop> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return self.stop(at, format!("the file has more than {MAX_NODES} values, counting each copy that an alias makes"));
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

fn too_large(bytes: usize, file: FileId) -> Error {
    let message = format!("the file has {bytes} bytes; the limit is {MAX_BYTES}");
    Error { path: String::new(), message, span: span(file, 0, 0), note: None }
}

fn span(file: FileId, start: usize, end: usize) -> Span {
    // Files are at most MAX_BYTES long.
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span { file, start: offset(start), end: offset(end) }
}

fn binary(text: &str) -> Option<String> {
    let packed: String = text.split_whitespace().collect();
    String::from_utf8(STANDARD.decode(packed).ok()?).ok()
}

fn quote(text: &str) -> String {
    format!("{:?}", shorten(text))
}

fn shorten(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
