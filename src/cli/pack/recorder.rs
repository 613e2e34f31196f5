//! A project directory that remembers what was read of it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::compose::sources::{File, Files};

/// Passes everything on, and keeps every file that was found.
pub struct Recorder<'a> {
    files: &'a dyn Files,
    read: RefCell<BTreeMap<String, File>>,
}

impl<'a> Recorder<'a> {
    pub fn new(files: &'a dyn Files) -> Self {
        Self { files, read: RefCell::default() }
    }

    /// The files that were read, by cleaned path.
    pub fn into_read(self) -> BTreeMap<String, File> {
        self.read.into_inner()
    }
}

impl Files for Recorder<'_> {
    fn read(&self, path: &str) -> Option<File> {
        if let Some(known) = self.read.borrow().get(path) {
            return Some(known.clone());
        }
        let file = self.files.read(path)?;
        self.read.borrow_mut().insert(path.to_owned(), file.clone());
        Some(file)
    }

    fn below(&self, directory: &str) -> Vec<String> {
        self.files.below(directory)
    }

    fn has_directory(&self, path: &str, made: bool) -> bool {
        let has = self.files.has_directory(path, made);
        if has {
            self.read.borrow_mut().insert(format!("{path}/"), File::default());
        }
        has
    }
}
