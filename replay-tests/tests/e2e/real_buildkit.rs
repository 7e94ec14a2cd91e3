//! Builds with the real plugin `buildx` of docker, and with a BuildKit of its own beside the engine. Part of
//! `make foreign`.

use crate::builds::{NO_BUILDKIT, awkward, held, with_docker};
use crate::harness::*;
use crate::real::{CANARY, nowhere, program, traced};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Clients of docker that the plugin is tried with: the one on the PATH, and Debian's, of which there are versions that
/// have a BuildKit of their own as well.
fn clients() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let first = std::env::split_paths(&path).map(|folder| folder.join("docker")).find(|path| path.exists());
    let mut clients = vec![first.expect("a docker")];
    let debian = PathBuf::from("/usr/bin/docker");
    if debian.exists() && !clients.contains(&debian) {
        clients.push(debian);
    }
    clients
}

/// A user whose docker is this one, with the plugin, and whose haloy.yaml builds the folder `context`.
fn user(name: &str, client: &Path) -> User {
    let mut user = User::new(name);
    let folder = user.folder.path().to_owned();
    for made in ["bin", "docker/cli-plugins", "context"] {
        std::fs::create_dir_all(folder.join(made)).expect("made");
    }
    symlink(client, folder.join("bin/docker")).expect("linked");
    symlink(program("buildx"), folder.join("docker/cli-plugins/docker-buildx")).expect("linked");
    let path = format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap_or_default());
    user.environment.push(("PATH", path));
    user.environment.push(("DOCKER_CONFIG", folder.join("docker").display().to_string()));
    // A new one each time: nothing of it is in the cache.
    user.environment.push(("TOKEN", format!("{CANARY}-of-{}", user.app)));
    let text = format!(
        "name: {0}\nimage:\n  repository: {0}-mine\n  build_config:\n    context: context\n    args: [{{name: TOKEN, from: {{env: TOKEN}}}}, {{name: SHOWN, value: built here}}]\n",
        user.app
    );
    std::fs::write(folder.join("haloy.yaml"), text).expect("written");
    user
}

fn write(user: &User, name: &str, text: &str) {
    std::fs::write(user.folder.path().join("context").join(name), text).expect("written");
}

/// What was recorded of the last build.
fn built(user: &User) -> serde_json::Value {
    let events = user.haloy("events -o ndjson").ok().out;
    let last = events.lines().rfind(|line| line.contains("\"ImageBuilt\"")).expect("an image was built");
    let event: serde_json::Value = serde_json::from_str(last).expect("JSON");
    event["payload"].clone()
}

#[test]
#[ignore = "needs buildx: make foreign"]
fn the_plugin_builds_what_is_deployed_and_a_failed_build_changes_nothing() {
    if !engine() {
        return;
    }
    for client in clients() {
        let user = user("buildx", &client);
        let cache = format!("--mount=type=cache,id={},target=/cache", user.app);
        let dockerfile = format!(
            "FROM {IMAGE}:v1\nARG TOKEN\nARG SHOWN\nENV VERSION=$SHOWN\nRUN {cache} [\"/app\", \"release\", \"/cache/marker\"]\nCOPY . /c/\n"
        );
        write(&user, "Dockerfile", &dockerfile);
        write(&user, ".dockerignore", "*.key\n!public.key\n");
        write(&user, "private.key", "x");
        write(&user, "public.key", "x");
        let (ran, lines) = traced(&user, "deploy");
        let ran = ran.ok();
        assert!(ran.err.contains("building with docker build, github.com/docker/buildx v"), "{}", ran.err);
        assert!(ran.err.contains("migrating with ***"), "{}", ran.err);
        assert!(lines.contains("\"--build-arg\", \"TOKEN\"") && !lines.contains(CANARY), "{lines}");
        assert_eq!(user.answers("default", "/"), ["version built here"]);
        let image = built(&user)["image_id"].as_str().expect("an id").to_owned();
        let held = held(&image).join("\n");
        assert!(held.contains("c/public.key") && !held.contains("private.key"), "{held}");

        // It finds in the cache what the other build left there, and reports that with its code: without it,
        // 1.
        let before = user.containers("default");
        let dockerfile = format!(
            "FROM {IMAGE}:v1\nENV LOG=sentence-of-the-builder CRASH_FILE=/cache/marker PORT=none\nRUN {cache} [\"/app\"]\n"
        );
        write(&user, "Dockerfile", &dockerfile);
        let failed = user.haloy("deploy").exits(3);
        assert!(failed.out.contains("the build failed: docker build ended with code 1"), "{}", failed.out);
        for words in ["sentence-of-the-builder", "exit code: 3"] {
            assert!(failed.out.contains(words), "{words} is not in\n{}", failed.out);
        }
        assert_eq!(user.containers("default"), before, "what ran runs");
        assert_eq!(user.answers("default", "/"), ["version built here"]);
        nowhere(&user, &[ran.out, ran.err, failed.out, failed.err].concat());
    }
}

/// The same context gives the same files and digests with every builder.
#[test]
#[ignore = "needs buildx: make foreign"]
fn the_plugin_builds_what_the_engine_builds() {
    if !engine() {
        return;
    }
    let mut user = user("alike", &clients()[0]);
    awkward(&user.folder.path().join("context"));
    let ran = user.haloy("deploy").ok();
    assert!(ran.err.contains("building with docker build, github.com/docker/buildx v"), "{}", ran.err);
    let plugin = built(&user);
    with_docker(&mut user, NO_BUILDKIT);
    let ran = user.haloy("deploy").ok();
    assert!(ran.err.contains("building with the engine's own builder"), "{}", ran.err);
    let engine = built(&user);
    for digest in ["context_digest", "dockerfile_digest"] {
        assert!(plugin[digest].is_string() && plugin[digest] == engine[digest], "{plugin} {engine}");
    }
    // BuildKit handles these in its own way: it keeps the bit, and leaves out everything that is not a file.
    let own = ["c/bin/setuid", "c/fifo", "c/socket"];
    let image = |built: &serde_json::Value| {
        let mut held = held(built["image_id"].as_str().expect("an id"));
        held.retain(|line| !own.iter().any(|name| line.ends_with(name)));
        held
    };
    let (of_plugin, of_engine) = (image(&plugin), image(&engine));
    assert!(of_plugin.len() > 20, "{of_plugin:?}");
    assert_eq!(of_plugin, of_engine);
}

/// A BuildKit beside the engine, which knows none of its images.
struct Builder(Child, PathBuf);

impl Builder {
    fn start(user: &User) -> Self {
        let folder = user.folder.path().join("builder");
        std::fs::create_dir(&folder).expect("made");
        let (log, socket) = (std::fs::File::create(folder.join("log")).expect("made"), folder.join("socket"));
        let mut command = Command::new(program("buildkitd"));
        command
            .arg("--root")
            .arg(folder.join("root"))
            .arg("--addr")
            .arg(format!("unix://{}", socket.display()));
        // The runc that came with the engine.
        command.args(["--containerd-worker=false", "--oci-worker-binary=runc", "--oci-worker-net=host"]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let builder = Self(child.expect("buildkitd starts"), socket);
        let began = Instant::now();
        while !builder.1.exists() {
            let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "it does not listen, or not as root: {}",
                log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        builder
    }
}

impl Drop for Builder {
    fn drop(&mut self) {
        // On SIGTERM it releases its mounts.
        drop(Command::new("kill").arg(self.0.id().to_string()).status());
        drop(self.0.wait());
    }
}

#[test]
#[ignore = "needs buildx and buildkitd: make foreign"]
fn what_a_builder_elsewhere_built_is_brought_to_the_engine() {
    if !engine() {
        return;
    }
    for client in clients() {
        let mut user = user("remote", &client);
        let builder = Builder::start(&user);
        let mut create = Command::new(&client);
        create.args(["buildx", "create", "--use", "--name", "beside", "--driver", "remote"]);
        create.arg(format!("unix://{}", builder.1.display()));
        let environment = user.environment.iter().map(|(name, value)| (name, value));
        let created = create.envs(environment).output().expect("docker");
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
        let context = user.folder.path().join("context");
        std::fs::write(context.join("app"), haloy::commands::demo::APP).expect("written");
        // The frontend of this one knows here-documents, which that of an old engine does not.
        let dockerfile = "FROM scratch\nCOPY --chmod=755 app /app\nCOPY <<EOF /note\nwritten in place\nEOF\nARG TOKEN\nARG SHOWN\nENV VERSION=$SHOWN\nRUN --mount=type=cache,target=/cache [\"/app\", \"release\", \"/cache/x\"]\nENTRYPOINT [\"/app\"]\n";
        write(&user, "Dockerfile", dockerfile);
        // As with `docker build`, the builder that is in use there is used only if it is named for this
        // command.
        let ran = user.haloy("deploy");
        assert!(!ran.err.contains("importing to docker"), "{}", ran.err);
        user.environment.push(("BUILDX_BUILDER", "beside".to_owned()));
        let ran = user.haloy("deploy").ok();
        for words in
            ["building with docker build, github.com/docker/buildx v", "importing to docker", "with ***"]
        {
            assert!(ran.err.contains(words), "{words} is not in\n{}", ran.err);
        }
        assert_eq!(user.answers("default", "/"), ["version built here"]);
        let [container] = &user.containers("default")[..] else { panic!("one container") };
        let note = user.folder.path().join("note");
        docker(&["cp", &format!("{container}:/note"), &note.display().to_string()]);
        assert_eq!(std::fs::read_to_string(note).expect("copied"), "written in place\n");
        nowhere(&user, &(ran.out + &ran.err));
    }
}

/// Processes of this machine, in containers too, whose command line contains a text, with their command
/// lines.
fn processes(text: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").expect("a folder").flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "));
    lines.filter(|line| line.contains(text)).collect()
}

#[test]
#[ignore = "needs buildx: make foreign"]
fn a_cancelled_build_ends_with_the_plugin_and_what_it_runs() {
    if !engine() {
        return;
    }
    for client in clients() {
        let user = user("cancel", &client);
        write(
            &user,
            "Dockerfile",
            &format!("FROM {IMAGE}:v1\nRUN [\"/app\", \"release\", \"/{}\", \"0\", \"120000\"]\n", user.app),
        );
        let mut deploy = user.command("deploy");
        let child = deploy.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("haloy runs");
        let began = Instant::now();
        let builds = format!("/app release /{}", user.app);
        while !processes(&user.app).iter().any(|line| line.starts_with(&builds)) {
            assert!(began.elapsed() < Duration::from_secs(30), "it does not build");
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(
            processes("buildx").iter().any(|line| line.contains(&user.app)),
            "the plugin is known by its line"
        );
        let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(told.is_ok_and(|status| status.success()));
        let (asked, out) = (Instant::now(), child.wait_with_output().expect("it ends"));
        assert_eq!(out.status.code(), Some(130), "{}", String::from_utf8_lossy(&out.stderr));
        assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
        while !processes(&user.app).is_empty() {
            assert!(asked.elapsed() < Duration::from_secs(30), "{:?} go on", processes(&user.app));
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}
