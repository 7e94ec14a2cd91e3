//! Building an image on the engine that runs it, from a Dockerfile.

use super::Engine;
use super::errors::{Doing, failed, refused};
use super::images::{id_of, platform};
use crate::executor::*;
use crate::mask::{Lines, Tail};
use bollard::query_parameters::BuildImageOptions;
use futures_util::StreamExt;
use haloy_ledger::outcome::{FailureCode, Outcome};
use haloy_ledger::release::BuildSpec;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Largest context that is sent, in bytes: a forgotten .dockerignore must not fill the disk.
const MAX_CONTEXT: u64 = 4 << 30;

/// The context as sent, and its digests.
struct Context {
    tar: Vec<u8>,
    context_digest: String,
    dockerfile_digest: String,
}

impl Engine<'_> {
    pub(super) async fn build(
        &self,
        cx: &EffectContext,
        spec: &BuildSpec,
        local_tag: &str,
    ) -> Result<Outcome, ExecutorError> {
        let (folder, dockerfile) = (PathBuf::from(&spec.context), spec.dockerfile.clone());
        let packed = tokio::task::spawn_blocking(move || pack(&folder, &dockerfile)).await;
        let packed = crate::join::ended(packed).await;
        let context = packed.map_err(|cause| {
            refused(FailureCode::BuildFailed, "the build context cannot be read").saying(cause)
        })?;
        let options = BuildImageOptions {
            dockerfile: spec.dockerfile.clone(),
            t: Some(local_tag.to_owned()),
            rm: true,
            forcerm: true,
            platform: spec.platform.clone().unwrap_or_default(),
            buildargs: Some(cx.values.build_args.iter().cloned().collect::<HashMap<_, _>>()),
            ..BuildImageOptions::default()
        };
        let body = bollard::body_full(context.tar.into());
        let mut stream = Box::pin(self.docker.build_image(options, None, Some(body)));
        let (mut lines, mut tail) = (Lines::new(cx.values.mask.masker()), Tail::default());
        let mut tell = |line: String| {
            if !line.is_empty() {
                cx.progress.progress(&cx.id, Progress::Line(line.clone()));
                tail.push(line);
            }
        };
        let mut ended = Ok(());
        while let Some(info) = stream.next().await {
            match info {
                Ok(info) => {
                    lines.push(info.stream.unwrap_or_default().as_bytes()).into_iter().for_each(&mut tell);
                }
                Err(error) => {
                    ended = Err(failed(&error, Doing::Build, "the build failed"));
                    break;
                }
            }
        }
        lines.finish().into_iter().for_each(tell);
        ended.map_err(|failed| {
            let said = format!("{}\n{}", failed.detail, tail.text());
            failed.saying(said)
        })?;
        let image = self.docker.inspect_image(local_tag).await;
        let image = image.map_err(|error| failed(&error, Doing::Build, "the built image cannot be found"))?;
        Ok(Outcome::ImageBuilt {
            image_id: id_of(&image)?,
            context_digest: context.context_digest,
            dockerfile_digest: context.dockerfile_digest,
            platform: platform(&image),
            size: image.size.and_then(|size| u64::try_from(size).ok()),
        })
    }
}

fn pack(folder: &Path, dockerfile: &str) -> Result<Context, String> {
    let told = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let recipe = folder.join(dockerfile);
    let recipe_bytes = std::fs::read(&recipe).map_err(|error| told(&recipe, error))?;
    let ignored = Ignored::read(folder).map_err(|error| told(&folder.join(IGNORED), error))?;
    let mut files = Vec::new();
    walk(folder, Path::new(""), &ignored, &mut files).map_err(|(path, error)| told(&path, error))?;
    if !files.iter().any(|file| file == Path::new(dockerfile)) {
        files.push(PathBuf::from(dockerfile));
    }
    files.sort();
    let mut digest = blake3::Hasher::new();
    let mut tar = tar::Builder::new(Vec::new());
    // The engine's reader knows no sparse files.
    tar.sparse(false);
    tar.follow_symlinks(false);
    let mut bytes = 0;
    for file in files {
        let path = folder.join(&file);
        let metadata = std::fs::symlink_metadata(&path).map_err(|error| told(&path, error))?;
        bytes += metadata.len();
        if bytes > MAX_CONTEXT {
            return Err(format!(
                "the build context {} is larger than 4 GiB; leave out what is not needed in .dockerignore",
                folder.display()
            ));
        }
        tar.append_path_with_name(&path, &file).map_err(|error| told(&path, error))?;
        // With lengths before them, no two trees have one digest.
        let mut sized = |bytes: &[u8]| {
            digest.update(&(bytes.len() as u64).to_be_bytes()).update(bytes);
        };
        sized(file.as_os_str().as_encoded_bytes());
        if metadata.is_symlink() {
            let leads = std::fs::read_link(&path).map_err(|error| told(&path, error))?;
            sized(b"link");
            sized(leads.as_os_str().as_encoded_bytes());
        } else if metadata.is_file() {
            sized(b"file");
            digest.update(&metadata.len().to_be_bytes());
            let mut content = std::fs::File::open(&path).map_err(|error| told(&path, error))?;
            std::io::copy(&mut content, &mut digest).map_err(|error| told(&path, error))?;
        }
    }
    let tar = tar.into_inner().map_err(|error| told(folder, error))?;
    Ok(Context {
        tar,
        context_digest: digest.finalize().to_hex().to_string(),
        dockerfile_digest: blake3::hash(&recipe_bytes).to_hex().to_string(),
    })
}

fn walk(
    root: &Path,
    at: &Path,
    ignored: &Ignored,
    files: &mut Vec<PathBuf>,
) -> Result<(), (PathBuf, std::io::Error)> {
    let folder = root.join(at);
    let entries = std::fs::read_dir(&folder).map_err(|error| (folder.clone(), error))?;
    for entry in entries {
        let entry = entry.map_err(|error| (folder.clone(), error))?;
        let path = at.join(entry.file_name());
        let kind = entry.file_type().map_err(|error| (entry.path(), error))?;
        if kind.is_dir() {
            if !ignored.covers(&path) || ignored.has_exceptions() {
                walk(root, &path, ignored, files)?;
            }
        } else if !ignored.covers(&path) {
            files.push(path);
        }
    }
    Ok(())
}

/// The file of rules.
const IGNORED: &str = ".dockerignore";

/// The rules of `.dockerignore`: the last one that matches decides; `!` takes back.
struct Ignored(Vec<(bool, Vec<String>)>);

impl Ignored {
    /// Rules that are there and cannot be read are an error: without them, what they keep back is sent.
    fn read(folder: &Path) -> std::io::Result<Self> {
        let bytes = haloy_ledger::files::read_if_there(&folder.join(IGNORED))?.unwrap_or_default();
        let text = String::from_utf8(bytes).map_err(std::io::Error::other)?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let rules = lines.map(|line| {
            let (takes_back, pattern) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
            let parts = pattern.split('/').filter(|part| !part.is_empty() && *part != ".");
            (takes_back, parts.map(ToOwned::to_owned).collect())
        });
        Ok(Self(rules.collect()))
    }

    fn has_exceptions(&self) -> bool {
        self.0.iter().any(|(takes_back, _)| *takes_back)
    }

    fn covers(&self, path: &Path) -> bool {
        let parts: Vec<String> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let matching = self.0.iter().rev().find(|(_, pattern)| matches_prefix(pattern, &parts));
        matching.is_some_and(|(takes_back, _)| !takes_back)
    }
}

/// Whether a pattern matches a path or one of its folders.
fn matches_prefix(pattern: &[String], path: &[String]) -> bool {
    match pattern.split_first() {
        None => true,
        Some((first, rest)) if first == "**" => (0..=path.len())
            .any(|skipped| matches_prefix(rest, &path[skipped..]) && (!rest.is_empty() || skipped > 0)),
        Some((first, rest)) => match path.split_first() {
            Some((name, below)) => glob(first.as_bytes(), name.as_bytes()) && matches_prefix(rest, below),
            None => false,
        },
    }
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=text.len()).any(|skipped| glob(rest, &text[skipped..])),
        (Some((b'?', rest)), Some((_, below))) => glob(rest, below),
        (Some((one, rest)), Some((other, below))) => one == other && glob(rest, below),
        (_, None) | (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored(rules: &str, path: &str) -> bool {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(".dockerignore"), rules).expect("written");
        Ignored::read(folder.path()).expect("rules").covers(Path::new(path))
    }

    #[test]
    fn rules_that_cannot_be_read_let_nothing_through() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("Dockerfile"), "FROM scratch\n").expect("written");
        std::fs::write(folder.path().join(IGNORED), b"secret\xff\n").expect("written");
        assert!(pack(folder.path(), "Dockerfile").is_err_and(|cause| cause.contains(IGNORED)));
        std::fs::remove_file(folder.path().join(IGNORED)).expect("removed");
        std::fs::create_dir(folder.path().join(IGNORED)).expect("made");
        assert!(pack(folder.path(), "Dockerfile").is_err(), "a folder cannot be read as rules");
    }

    #[test]
    fn no_two_trees_have_one_digest() {
        let digest = |files: &[(&str, &str)]| {
            let folder = tempfile::tempdir().expect("a folder");
            for (name, content) in files {
                std::fs::write(folder.path().join(name), content).expect("written");
            }
            pack(folder.path(), "Dockerfile").expect("packed").context_digest
        };
        let recipe = ("Dockerfile", "FROM scratch\n");
        let trees = [
            vec![recipe, ("a", ""), ("b", "x")],
            vec![recipe, ("a", "b\0x")],
            vec![recipe, ("a", "b"), ("x", "")],
        ];
        let digests: std::collections::BTreeSet<String> = trees.iter().map(|tree| digest(tree)).collect();
        assert_eq!(digests.len(), trees.len());
    }

    #[test]
    fn dockerignore_follows_the_documented_rules() {
        assert!(ignored("target\n", "target/debug/app"));
        assert!(!ignored("target\n", "src/target.rs"));
        assert!(ignored("**/*.log\n", "a/b/c.log"));
        assert!(ignored("*.md\n", "README.md"));
        assert!(!ignored("*.md\n!README.md\n", "README.md"));
        assert!(!ignored("# comment\n", "comment"));
    }
}
