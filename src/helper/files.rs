//! Files and directories with owners and modes that mounts of ConfigMaps, Secrets and emptyDirs can't have. They belong to the user that this
//! runs as: the init container runs as the owner that the stack asks for.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Error, content};

#[derive(Args, Debug, Default)]
pub struct Arguments {
    /// A file to write, with its mode in octal, as MODE:FROM:TO.
    #[arg(long = "file", value_name = "MODE:FROM:TO", value_parser = file)]
    pub files: Vec<(u32, PathBuf, PathBuf)>,
    /// A directory to make, with its mode in octal, as MODE:PATH.
    #[arg(long = "directory", value_name = "MODE:PATH", value_parser = directory)]
    pub directories: Vec<(u32, PathBuf)>,
    /// A directory of files to keep up to date in a volume, as FROM:VOLUME.
    #[arg(long = "sync", value_name = "FROM:VOLUME", value_parser = pair)]
    pub volumes: Vec<(PathBuf, PathBuf)>,
}

fn file(text: &str) -> Result<(u32, PathBuf, PathBuf), String> {
    let (mode, paths) = text.split_once(':').ok_or("expected MODE:FROM:TO")?;
    let (from, to) = pair(paths)?;
    Ok((octal(mode)?, from, to))
}

fn directory(text: &str) -> Result<(u32, PathBuf), String> {
    let (mode, path) = text.split_once(':').ok_or("expected MODE:PATH")?;
    Ok((octal(mode)?, path.into()))
}

fn pair(text: &str) -> Result<(PathBuf, PathBuf), String> {
    let (from, to) = text.split_once(':').ok_or("expected FROM:TO")?;
    Ok((from.into(), to.into()))
}

fn octal(mode: &str) -> Result<u32, String> {
    u32::from_str_radix(mode, 8).ok().filter(|mode| *mode <= 0o7777).ok_or_else(|| format!("{mode:?} is no mode in octal"))
}

/// Writes everything that isn't there yet.
pub fn write(arguments: &Arguments) -> Result<(), Error> {
    for (mode, path) in &arguments.directories {
        make(path, *mode)?;
    }
    for (mode, from, to) in &arguments.files {
        content::file(from, to, *mode)?;
    }
    for (from, volume) in &arguments.volumes {
        content::sync(from, volume)?;
    }
    Ok(())
}

fn make(path: &Path, mode: u32) -> Result<(), Error> {
    if !path.is_dir() {
        fs::create_dir(path).map_err(Error::file("make", path))?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(Error::file("set the mode of", path))?;
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that fails says where")]
mod tests {
    use super::super::Place;
    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parse(words: &[String]) -> Result<Arguments, String> {
        use clap::Parser;
        let all = std::iter::once("files".to_owned()).chain(words.iter().cloned());
        Line::try_parse_from(all).map(|line| line.arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn files_and_directories_get_their_modes() {
        let place = Place::new("files");
        place.file("from/key", "secret", 0o444);
        let (from, to, tmp) = (place.path("from/key"), place.path("to/0/key"), place.path("tmp"));
        let words = [format!("--file=400:{}:{}", from.display(), to.display()), format!("--directory=1777:{}", tmp.display())];
        for _ in 0..2 {
            write(&parse(&words).unwrap()).unwrap();
            assert_eq!((place.mode("to/0/key"), place.mode("tmp")), (0o400, 0o1777));
            assert_eq!(place.read("from/key").unwrap(), "secret");
        }
    }

    #[test]
    fn what_says_nothing_is_refused() {
        for wrong in ["--file=400:/a", "--file=rwx:/a:/b", "--directory=/a", "--directory=77777:/a", "--sync=/a"] {
            assert!(parse(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
