//! A project packed into one `ComposeStack`: its Compose files and small files in the resource, secrets and env files in a Secret, large
//! files in ConfigMaps. Build contexts stay behind.

mod naming;
mod recorder;
mod variables;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::ObjectMeta;
use serde_json::Value;

use crate::api::{ComposeStack, ComposeStackSpec, FilesFrom, KeyToPath, LocalReference, ObjectSource, VariablesFrom, VolumeDefaults};
use crate::cluster::{Fetched, Reference, ReferenceKind};
use crate::compose::diagnostic::{Diagnostic, SourceMap};
use crate::compose::model::{FileSource, Project};
use crate::compose::sources::{ComposeFile, File, Options, ProjectName, Sources, Variables};
use crate::compose::{self, Loaded};
use crate::controller::source::{self, Copies};
use crate::translate::content_key;

use super::args::StackFlags;
use super::output::Error;
use super::{convert, error};
pub use naming::Naming;
pub use recorder::Recorder;

/// Bytes of a file that the resource itself carries, and of all of them together: `kubectl apply` copies the resource into an annotation of at
/// most 256 KiB.
const SMALL_FILE: usize = 32 << 10;
const SMALL_FILES: usize = 160 << 10;
/// Bytes of files in one Secret or ConfigMap, which the API server takes up to 1 MiB of.
const MOST_IN_OBJECT: usize = 900 << 10;

/// What a loaded project consists of.
pub struct Parts<'a> {
    pub name: &'a str,
    pub project: &'a Project,
    pub sources: &'a SourceMap,
    pub compose_files: &'a [ComposeFile],
    pub profiles: &'a [String],
    pub variables: &'a Variables,
    pub naming: Naming,
    /// Every file that was read.
    pub files: BTreeMap<String, File>,
}

/// A stack and the objects that it names.
pub struct Packed {
    pub stack: ComposeStack,
    pub config_maps: Vec<ConfigMap>,
    pub secrets: Vec<Secret>,
    pub warnings: Vec<Diagnostic>,
}

impl Packed {
    /// The manifests, the stack last: what it names is there before it.
    ///
    /// # Errors
    /// Where one can't be written.
    pub fn manifests(&self) -> Result<Vec<Value>, Error> {
        let secrets = self.secrets.iter().map(serde_json::to_value);
        let config_maps = self.config_maps.iter().map(serde_json::to_value);
        Ok(secrets.chain(config_maps).chain([serde_json::to_value(&self.stack)]).collect::<Result<_, _>>()?)
    }
}

impl Packed {
    /// The stack as the operator loads it.
    ///
    /// # Errors
    /// Where the operator would not find what the stack names.
    pub fn load(&self) -> Result<Loaded, error::Error> {
        let spec = &self.stack.spec;
        let collected = source::collect(spec, &self.copies()).map_err(|refusal| error::Error::Packed(refusal.message))?;
        let sources = Sources { files: &collected.files, compose_files: collected.compose_files, variables: collected.variables };
        let name = ProjectName::Resource(self.stack.metadata.name.clone().unwrap_or_default());
        Ok(compose::load(&sources, &Options { name, profiles: spec.profiles.clone(), ..Options::default() }))
    }

    /// What the API server would answer of the objects that the stack names.
    fn copies(&self) -> Copies {
        let bytes = |data: &Option<BTreeMap<String, ByteString>>| {
            data.iter().flatten().map(|(key, value)| (key.clone(), value.0.clone())).collect()
        };
        let mut copies = Copies::new();
        for secret in &self.secrets {
            let name = secret.metadata.name.as_deref().unwrap_or_default();
            let fetched = Fetched { data: bytes(&secret.data), ..Fetched::default() };
            copies.insert(Reference::new(ReferenceKind::Secret, name), Some(fetched));
        }
        for map in &self.config_maps {
            let name = map.metadata.name.as_deref().unwrap_or_default();
            let mut data: BTreeMap<String, Vec<u8>> = bytes(&map.binary_data);
            data.extend(map.data.iter().flatten().map(|(key, text)| (key.clone(), text.clone().into_bytes())));
            copies.insert(Reference::new(ReferenceKind::ConfigMap, name), Some(Fetched { data, ..Fetched::default() }));
        }
        copies
    }
}

/// Packs a project.
///
/// # Errors
/// Where a file is too large to travel.
pub fn pack(parts: Parts<'_>, settings: &StackFlags) -> Result<Packed, Error> {
    let mut packer =
        Packer { name: parts.name, naming: parts.naming, secrets: Vec::new(), config_maps: Vec::new(), spec: ComposeStackSpec::default() };
    let mut files = parts.files;
    packer.spec.profiles = parts.profiles.to_vec();
    compose_files(parts.compose_files, &mut files, &mut packer.spec);
    let warnings = packer.variables(parts.sources, parts.variables);
    let hidden = secret_files(parts.project);
    let (secret, open): (BTreeMap<_, _>, BTreeMap<_, _>) = files.into_iter().partition(|(path, _)| hidden.contains(path));
    packer.hide(&secret)?;
    packer.carry(open)?;
    packer.spec.publish = settings.publish;
    packer.spec.network_policy = settings.network_policy;
    packer.spec.volumes = Some(convert::volumes(settings)).filter(|volumes| *volumes != VolumeDefaults::default());
    let stack = ComposeStack::new(parts.name, packer.spec);
    Ok(Packed { stack, config_maps: packer.config_maps, secrets: packer.secrets, warnings })
}

/// One file at the top of the project directory is the resource's own text; several keep their names.
fn compose_files(listed: &[ComposeFile], files: &mut BTreeMap<String, File>, spec: &mut ComposeStackSpec) {
    let text = |file: &ComposeFile| match file {
        ComposeFile::Text { text, .. } => Some(text.clone()),
        ComposeFile::Path(path) => {
            files.get(path).filter(|_| !path.contains('/')).and_then(|file| String::from_utf8(file.content.to_vec()).ok())
        }
        ComposeFile::Structured { .. } => None,
    };
    if let [only] = listed
        && let Some(text) = text(only)
    {
        if let ComposeFile::Path(path) = only {
            files.remove(path);
        }
        spec.compose = Some(text);
        return;
    }
    let mut paths = Vec::new();
    for file in listed {
        match file {
            ComposeFile::Path(path) => paths.push(path.clone()),
            ComposeFile::Text { name, text, .. } => {
                files.insert(name.clone(), File { content: text.as_bytes().into(), ..File::default() });
                paths.push(name.clone());
            }
            ComposeFile::Structured { .. } => {}
        }
    }
    spec.compose_files = Some(paths);
}

/// Files that only `secrets` and `env_file` name.
fn secret_files(project: &Project) -> BTreeSet<String> {
    let secrets = project.secrets.values().filter_map(|secret| match &secret.source {
        FileSource::File(path) => Some(path.clone()),
        _ => None,
    });
    let env_files = project.services.values().flat_map(|service| {
        service.env_files.iter().chain(service.pre_start.iter().flat_map(|step| &step.container.env_files)).map(|file| file.path.clone())
    });
    let open = project.configs.values().filter_map(|config| match &config.source {
        FileSource::File(path) => Some(path.clone()),
        _ => None,
    });
    let mounted = project.services.values().flat_map(|service| &service.volumes).filter_map(|mount| mount.source.clone());
    let open: Vec<String> = open.chain(mounted).collect();
    let is_open =
        |path: &String| open.iter().any(|open| path == open || path.strip_prefix(open.as_str()).is_some_and(|rest| rest.starts_with('/')));
    secrets.chain(env_files).filter(|path| !is_open(path)).collect()
}

struct Packer<'a> {
    name: &'a str,
    naming: Naming,
    secrets: Vec<Secret>,
    config_maps: Vec<ConfigMap>,
    spec: ComposeStackSpec,
}

impl Packer<'_> {
    /// Takes along the variables that the files use.
    fn variables(&mut self, sources: &SourceMap, variables: &Variables) -> Vec<Diagnostic> {
        let mut names = variables::Names::default();
        sources.texts().for_each(|text| names.add(text));
        let value = |name: &String| Some((name.clone(), variables.get(name)?.value.clone()));
        self.spec.variables = names.open.iter().filter(|name| *name != "COMPOSE_PROJECT_NAME").filter_map(value).collect();
        let hidden: BTreeMap<String, String> = names.secret.difference(&names.open).filter_map(value).collect();
        if !hidden.is_empty() {
            let data: BTreeMap<_, _> = hidden.into_iter().map(|(key, value)| (key, ByteString(value.into_bytes()))).collect();
            let name =
                self.naming.name(format!("{}--packed-variables", self.name), data.iter().map(|(key, value)| (key.as_str(), &*value.0)));
            self.secrets.push(Secret { metadata: metadata(&name), data: Some(data), ..Secret::default() });
            self.spec.variables_from.push(VariablesFrom { secret: Some(LocalReference { name, optional: false }), config_map: None });
        }
        let clear = self.spec.variables.iter().filter(|(name, value)| looks_secret(name) && !value.is_empty());
        clear
            .map(|(name, _)| {
                let message = format!("{name} stands in clear in the stack, as it would in the objects; `secrets` keep values apart");
                Diagnostic::warning("in-the-clear", "spec.variables", message)
            })
            .collect()
    }

    /// Puts files into Secrets.
    fn hide(&mut self, files: &BTreeMap<String, File>) -> Result<(), Error> {
        for (index, group) in groups(files)?.into_iter().enumerate() {
            let name = self.naming.name(numbered(&format!("{}--packed-secrets", self.name), index), contents(&group));
            let data = group.iter().map(|(key, _, file)| (key.clone(), ByteString(file.content.to_vec()))).collect();
            self.secrets.push(Secret { metadata: metadata(&name), data: Some(data), ..Secret::default() });
            self.spec.files_from.push(FilesFrom { secret: Some(source(name, &group)), config_map: None });
        }
        Ok(())
    }

    /// Puts small files into the resource and the others into ConfigMaps.
    fn carry(&mut self, files: BTreeMap<String, File>) -> Result<(), Error> {
        let mut large = BTreeMap::new();
        let mut carried = self.spec.compose.as_ref().map_or(0, String::len);
        for (path, file) in files {
            let size = file.content.len();
            if size > SMALL_FILE || carried + size > SMALL_FILES {
                large.insert(path, file);
                continue;
            }
            carried += size;
            match std::str::from_utf8(&file.content) {
                Ok(text) => self.spec.files.insert(path, text.to_owned()),
                Err(_) => self.spec.binary_files.insert(path, STANDARD.encode(&file.content)),
            };
        }
        for (index, group) in groups(&large)?.into_iter().enumerate() {
            let name = self.naming.name(numbered(&format!("{}--packed-files", self.name), index), contents(&group));
            let (mut data, mut binary_data) = (BTreeMap::new(), BTreeMap::new());
            for (key, _, file) in &group {
                match String::from_utf8(file.content.to_vec()) {
                    Ok(text) => data.insert(key.clone(), text).map(|_| ()),
                    Err(error) => binary_data.insert(key.clone(), ByteString(error.into_bytes())).map(|_| ()),
                };
            }
            let filled = |map: BTreeMap<_, _>| (!map.is_empty()).then_some(map);
            let data = (!data.is_empty()).then_some(data);
            self.config_maps.push(ConfigMap { metadata: metadata(&name), data, binary_data: filled(binary_data), ..ConfigMap::default() });
            self.spec.files_from.push(FilesFrom { config_map: Some(source(name, &group)), secret: None });
        }
        Ok(())
    }
}

/// Files under their keys, as many in one group as fit into one object.
type Group<'a> = Vec<(String, &'a String, &'a File)>;

fn groups(files: &BTreeMap<String, File>) -> Result<Vec<Group<'_>>, Error> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut size = MOST_IN_OBJECT;
    for (path, file) in files {
        if file.content.len() > MOST_IN_OBJECT {
            return Err(Error::TooLarge { path: path.clone(), bytes: file.content.len(), most: MOST_IN_OBJECT });
        }
        if size + file.content.len() > MOST_IN_OBJECT {
            groups.push(Vec::new());
            size = 0;
        }
        size += file.content.len();
        if let Some(group) = groups.last_mut() {
            group.push((content_key(path), path, file));
        }
    }
    Ok(groups)
}

fn contents<'a>(group: &'a Group<'_>) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    group.iter().map(|(key, _, file)| (key.as_str(), &*file.content))
}

fn source(name: String, group: &Group<'_>) -> ObjectSource {
    let items = group.iter().map(|(key, path, _)| KeyToPath { key: key.clone(), path: (*path).clone() }).collect();
    ObjectSource { name, items, ..ObjectSource::default() }
}

fn numbered(name: &str, index: usize) -> String {
    if index == 0 { name.to_owned() } else { format!("{name}-{}", index + 1) }
}

fn metadata(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }
}

/// Whether a variable's name is that of a secret.
fn looks_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "API_KEY", "PRIVATE_KEY"].iter().any(|word| upper.contains(word))
}
