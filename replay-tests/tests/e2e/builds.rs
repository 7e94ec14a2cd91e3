//! Builds against `docker build` itself: the same files, with the same modes, from a folder of awkward cases.

use crate::harness::*;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

/// What an image holds below `/c`: every entry with its kind, mode, owner, size and where it leads.
pub fn held(image: &str) -> Vec<String> {
    let container = docker(&["create", image, "/x"]);
    let script = format!("docker export {container} | tar -tvf - --numeric-owner --full-time");
    let out = Command::new("sh").args(["-c", &script]).output().expect("a shell");
    docker(&["rm", "-f", &container]);
    let list = String::from_utf8_lossy(&out.stdout).into_owned();
    let mut held: Vec<String> = list
        .lines()
        .filter_map(|line| {
            // mode owner size date time name
            let mut words = line.split_whitespace();
            let (mode, owner, size) = (words.next()?, words.next()?, words.next()?);
            let (_date, _time) = (words.next()?, words.next()?);
            let name = words.collect::<Vec<_>>().join(" ");
            name.starts_with("c/").then(|| format!("{mode} {owner} {size} {name}"))
        })
        .collect();
    held.sort();
    held
}

/// Puts a docker before all others on the PATH of a user: one that has no BuildKit, or does what a script says.
pub fn with_docker(user: &mut User, script: &str) {
    let bin = user.folder.path().join("bin");
    std::fs::create_dir_all(&bin).expect("made");
    // A new file: what stands there may be a link to a real one.
    drop(std::fs::remove_file(bin.join("docker")));
    std::fs::write(bin.join("docker"), format!("#!/bin/sh\n{script}")).expect("written");
    std::fs::set_permissions(bin.join("docker"), PermissionsExt::from_mode(0o755)).expect("changed");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    user.environment.push(("PATH", path));
}

/// A client as its packages without the plugin are.
pub const NO_BUILDKIT: &str =
    "[ \"$1\" = --version ] && echo 'Docker version 28.0.0, build x' && exit 0\nexit 1\n";

pub fn awkward(folder: &Path) {
    let file = |name: &str, text: &str, mode: u32| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("changed");
    };
    file("Dockerfile", &format!("FROM {IMAGE}:v1\nCOPY . /c/\n"), 0o644);
    file("plain", "x", 0o644);
    file("secret-mode", "x", 0o600);
    file("bin/run", "x", 0o755);
    file("bin/setuid", "x", 0o4755);
    file("name with space", "x", 0o644);
    file("näme-ü", "x", 0o644);
    file(&format!("deep/{}/{}", "d".repeat(120), "f".repeat(120)), "x", 0o644);
    file("one.md", "x", 0o644);
    file("two.md", "x", 0o644);
    file("logs/a.log", "x", 0o644);
    file("logs/keep.log", "x", 0o644);
    file("out/x/y", "x", 0o644);
    file("empty-file", "", 0o644);
    file("star*file", "x", 0o644);
    file("a.b", "x", 0o644);
    file("axb", "x", 0o644);
    file("node_modules/m/i.js", "x", 0o644);
    file("src/node_modules/m/i.js", "x", 0o644);
    file(".hidden", "x", 0o640);
    std::fs::create_dir(folder.join("empty")).expect("made");
    std::fs::set_permissions(folder.join("empty"), PermissionsExt::from_mode(0o1777)).expect("changed");
    symlink("plain", folder.join("link")).expect("linked");
    symlink("/nowhere/at/all", folder.join("dangling")).expect("linked");
    symlink("bin", folder.join("link-to-folder")).expect("linked");
    drop(std::os::unix::net::UnixListener::bind(folder.join("socket")).expect("bound"));
    let made = Command::new("mkfifo").arg(folder.join("fifo")).status().expect("mkfifo");
    assert!(made.success());
    let rules = "# what is left out\n[or]*.md\n**/node_modules\nlogs/*\n!logs/keep.log\nout/**\n\\*x\na.b\n";
    std::fs::write(folder.join(".dockerignore"), rules).expect("written");
}

#[test]
fn what_is_built_here_is_what_docker_builds() {
    if !engine() {
        return;
    }
    let mut user = User::new("build");
    // BuildKit handles some of these in its own way: see `make foreign`.
    with_docker(&mut user, NO_BUILDKIT);
    let folder = user.folder.path().join("context");
    awkward(&folder);
    let oracle = format!("{}-oracle", user.app);
    let context = folder.display().to_string();
    let build = |arguments: &[&str], tag: &str| {
        let mut command = Command::new("docker");
        command.env("DOCKER_BUILDKIT", "0").args(["build", "-q", "-t", tag]).args(arguments).arg(&context);
        let out = command.output().expect("docker");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    };
    let config = |dockerfile: &str| {
        let text = format!(
            "name: {}\nimage: {{repository: {}-mine, build_config: {{context: context, dockerfile: {dockerfile}}}}}\n",
            user.app, user.app
        );
        std::fs::write(user.folder.path().join("haloy.yaml"), text).expect("written");
        let ran = user.haloy("deploy").ok();
        let built = user.haloy("events -o ndjson").ok().out;
        let built = built.lines().rfind(|line| line.contains("\"ImageBuilt\"")).expect(&ran.err).to_owned();
        let event: serde_json::Value = serde_json::from_str(&built).expect("JSON");
        (event["payload"]["image_id"].as_str().expect("an id").to_owned(), ran)
    };
    build(&[], &oracle);
    let (mine, ran) = config("Dockerfile");
    assert!(ran.err.contains("building with the engine's own builder"), "{}", ran.err);
    let (wanted, got) = (held(&oracle), held(&mine));
    assert!(wanted.len() > 20, "{wanted:?}");
    assert_eq!(got, wanted);

    // A Dockerfile that is not in the context, and rules that leave out everything else.
    std::fs::write(user.folder.path().join("Other"), format!("FROM {IMAGE}:v1\nCOPY . /c/\n"))
        .expect("written");
    std::fs::write(folder.join(".dockerignore"), "*\n!bin\n").expect("written");
    build(&["-f", &user.folder.path().join("Other").display().to_string()], &oracle);
    let (mine, _ran) = config("../Other");
    assert_eq!(held(&mine), held(&oracle));
    docker(&["rmi", "-f", &oracle]);
}

/// A `docker` with BuildKit on the PATH is used, with what only BuildKit knows; without one the answer says what is
/// missing.
#[test]
fn buildkit_is_used_where_there_is_one() {
    if !engine() {
        return;
    }
    let mut user = User::new("buildkit");
    let folder = &user.folder.path().join("context");
    std::fs::create_dir(folder).expect("made");
    // Debian's docker.io brings a client that has BuildKit built in.
    let client = Path::new("/usr/bin/docker");
    assert!(client.exists(), "Debian's docker.io is what the engine of the tests comes from");
    std::os::unix::fs::symlink(client, folder.join("docker")).expect("linked");
    std::fs::write(folder.join("app.txt"), "x").expect("written");
    let dockerfile = format!(
        "FROM {IMAGE}:v1\nARG TOKEN\nARG BUILDKIT_INLINE_CACHE\nRUN --mount=type=tmpfs,target=/t [\"/app\", \"release\", \"/t/x\"]\nCOPY app.txt /\n"
    );
    std::fs::write(folder.join("Dockerfile"), dockerfile).expect("written");
    let text = format!(
        "name: {0}\nimage:\n  repository: {0}-mine\n  build_config:\n    context: context\n    args: [{{name: TOKEN, from: {{env: TOKEN}}}}, {{name: BUILDKIT_INLINE_CACHE, value: \"1\"}}]\n",
        user.app
    );
    std::fs::write(user.folder.path().join("haloy.yaml"), text).expect("written");
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    // A new one each time: nothing of it is in the cache.
    let secret = format!("t0psecret-of-{}", user.app);
    let mut deploy = user.command("deploy");
    let ran = user.run(deploy.env("PATH", &path).env("TOKEN", &secret)).ok();
    assert!(ran.err.contains("building with docker build, Docker version 20."), "{}", ran.err);
    assert!(ran.err.contains("migrating with ***") && !ran.err.contains("t0psecret"), "{}", ran.err);
    assert_eq!(user.answers("default", "/"), ["version v1"]);

    // A docker without BuildKit, as its packages without the plugin are.
    with_docker(&mut user, NO_BUILDKIT);
    let before = user.haloy("events -o id").ok().out;
    for line in ["validate-config", "deploy"] {
        let mut command = user.command(line);
        let ran = user.run(command.env("TOKEN", &secret)).exits(2);
        let words = "`RUN --mount` in line 4 of Dockerfile needs BuildKit";
        assert!(ran.err.contains(words) && ran.err.contains("docker-buildx"), "{}", ran.err);
    }
    assert_eq!(user.haloy("events -o id").ok().out, before, "nothing was recorded");
}

/// The plugin is started by its own name: `docker build` of an old client does not know it. `make foreign`
/// does this with the real one.
#[test]
fn the_plugin_is_asked_by_its_own_name() {
    if !engine() {
        return;
    }
    let mut user = User::new("plugin");
    let script = "[ \"$1 $2\" = 'buildx version' ] && echo 'github.com/docker/buildx v0.38.2 x' && exit 0\n\
                  [ \"$1 $2 $3\" = 'buildx build --load' ] || exit 9\n\
                  shift 3\necho \"on $BUILDX_BUILDER\"\nexec /usr/bin/docker build \"$@\"\n";
    with_docker(&mut user, script);
    let folder = user.folder.path();
    std::fs::create_dir(folder.join("context")).expect("made");
    std::fs::write(folder.join("context/Dockerfile"), format!("FROM {IMAGE}:v2\n")).expect("written");
    let text =
        format!("name: {0}\nimage: {{repository: {0}-mine, build_config: {{context: context}}}}\n", user.app);
    std::fs::write(folder.join("haloy.yaml"), text).expect("written");
    for (named, on) in [(None, "on default"), (Some("mine"), "on mine")] {
        let mut deploy = user.command("deploy");
        deploy.env_remove("BUILDX_BUILDER");
        deploy.envs(named.map(|name| ("BUILDX_BUILDER", name)));
        let ran = user.run(&mut deploy).ok();
        for words in ["building with docker build, github.com/docker/buildx v0.38.2", on] {
            assert!(ran.err.contains(words), "{words} is not in\n{}", ran.err);
        }
    }
    assert_eq!(user.answers("default", "/"), ["version v2"]);
}
