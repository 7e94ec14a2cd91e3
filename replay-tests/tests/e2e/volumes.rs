//! Nothing is destroyed that was not named: images that keep data at a path for which the configuration names
//! no volume. Data is written with the image of the test itself, from outside.

use crate::harness::{User, docker, engine};

/// An image of the test app that declares `/data`.
fn image(user: &User) -> String {
    let name = format!("{}-image:v1", user.app);
    let folder = tempfile::tempdir().expect("a folder");
    let recipe = format!("FROM {}:v1\nVOLUME /data\n", crate::harness::IMAGE);
    std::fs::write(folder.path().join("Dockerfile"), recipe).expect("written");
    docker(&["build", "-q", "-t", &name, &folder.path().display().to_string()]);
    name
}

struct Case {
    user: User,
    image: String,
}

impl Case {
    fn new(name: &str) -> Self {
        let user = User::new(name);
        let image = image(&user);
        Self { user, image }
    }

    fn config(&self, more: &str) {
        let text = format!("name: {}\nimage: {}\n{more}", self.user.app, self.image);
        std::fs::write(self.user.folder.path().join("haloy.yaml"), text).expect("written");
    }

    #[track_caller]
    fn deploy(&self, more: &str) -> crate::harness::Ran {
        self.config(more);
        self.user.haloy("deploy").ok()
    }

    /// The only container.
    #[track_caller]
    fn container(&self) -> String {
        let found = self.user.containers("default");
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    }

    #[track_caller]
    fn write(&self, text: &str) {
        let file = self.user.folder.path().join("row");
        std::fs::write(&file, text).expect("written");
        docker(&["cp", &file.display().to_string(), &format!("{}:/data/row", self.container())]);
    }

    /// What the container has at `/data`; empty if nothing.
    fn read(&self) -> String {
        read(&self.container())
    }

    /// Names of the volumes at `/data` of the containers.
    fn mounted(&self) -> Vec<String> {
        let format = "{{range .Mounts}}{{if eq .Destination \"/data\"}}{{.Name}}{{end}}{{end}}";
        self.user.containers("default").iter().map(|id| docker(&["inspect", "-f", format, id])).collect()
    }

    /// Names of all volumes that haloy made for the app.
    fn volumes(&self) -> Vec<String> {
        let label = format!("label=haloy.app={}", self.user.app);
        let list = docker(&["volume", "ls", "-q", "--filter", &label]);
        list.lines().map(str::to_owned).collect()
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        let quiet = |arguments: &[&str]| std::process::Command::new("docker").args(arguments).output();
        for id in self.user.containers("default") {
            drop(quiet(&["rm", "-f", &id]));
        }
        for volume in self.volumes() {
            drop(quiet(&["volume", "rm", &volume]));
        }
        drop(quiet(&["rmi", &self.image]));
    }
}

fn read(container: &str) -> String {
    let from = format!("{container}:/data/row");
    let out = std::process::Command::new("docker").args(["cp", &from, "-"]).output().expect("docker");
    // A tar archive of one file: the text is in it as it is.
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let found = text.find("row-").map(|at| text[at..].chars().take_while(|c| !c.is_control()).collect());
    found.unwrap_or_default()
}

const REPLACE: &str = "deployment_strategy: replace\n";
const NEVER_WELL: &str = "env: [{name: STATUS, value: \"503\"}]\n";

#[test]
fn data_survives_deploys_failed_ones_rollbacks_and_a_stop() {
    if !engine() {
        return;
    }
    let case = Case::new("keeps");
    let first = case.deploy(REPLACE);
    let volume = case.mounted()[0].clone();
    let warning = format!(
        "the image keeps data at /data, in volume {volume}; name it: `volumes: [\"{volume}:/data\"]`"
    );
    assert!(first.out.contains(&warning), "{}", first.out);
    assert!(first.err.contains(&warning), "{}", first.err);
    case.write("row-1");
    case.deploy(&format!("{REPLACE}env: [{{name: A, value: \"2\"}}]\n"));
    assert_eq!((case.read(), case.mounted()), ("row-1".to_owned(), vec![volume.clone()]));

    case.config(&format!("{REPLACE}{NEVER_WELL}"));
    case.user.haloy("deploy").exits(4);
    assert_eq!((case.read(), case.mounted()), ("row-1".to_owned(), vec![volume.clone()]));

    case.config(REPLACE);
    case.user.haloy("rollback").ok();
    assert_eq!((case.read(), case.mounted()), ("row-1".to_owned(), vec![volume.clone()]));

    case.user.haloy("stop --remove").ok();
    assert_eq!(case.volumes(), vec![volume.clone()]);
    case.deploy(REPLACE);
    assert_eq!((case.read(), case.mounted()), ("row-1".to_owned(), vec![volume.clone()]));

    // Named at last, it is the user's: nothing of haloy's removes it.
    let named = format!("{REPLACE}volumes: [\"{volume}:/data\"]\n");
    let answer = case.deploy(&named);
    assert!(!answer.out.contains("warning"), "{}", answer.out);
    assert_eq!(case.read(), "row-1");
    case.user.haloy("prune --apply").ok();
    case.user.haloy("stop --remove-volumes").ok();
    assert_eq!(case.volumes(), [volume]);
}

#[test]
fn a_rolling_deploy_leaves_the_old_volume_until_a_prune_names_it() {
    if !engine() {
        return;
    }
    let case = Case::new("rolls");
    case.deploy("");
    case.write("row-2");
    let old = case.mounted()[0].clone();
    case.deploy("");
    let new = case.mounted()[0].clone();
    assert_ne!(old, new);
    case.config(NEVER_WELL);
    case.user.haloy("deploy").exits(3);
    assert_eq!(case.mounted(), vec![new.clone()]);
    assert_eq!(case.volumes().len(), 3, "that of the failed one is kept as well");

    // A foreign container uses one: it is never forced.
    docker(&[
        "create",
        "--name",
        &format!("{}-other", case.user.app),
        "-v",
        &format!("{old}:/x"),
        &case.image,
    ]);
    let dry = case.user.haloy("prune").ok();
    assert!(dry.out.contains(&old) && !dry.out.contains(&new), "{}", dry.out);
    let json = case.user.haloy("prune -o json").ok().json();
    let row =
        json["data"][0]["volumes"].as_array().expect("rows").iter().find(|row| row["volume"] == old.as_str());
    assert_eq!(row.expect("a row")["bytes"], 5, "{json}");
    assert_eq!(case.volumes().len(), 3, "a dry run removes nothing");

    let applied = case.user.haloy("prune --apply").exits(5);
    assert!(applied.out.contains("stays: it is in use"), "{}", applied.out);
    let mut left = vec![old.clone(), new.clone()];
    left.sort();
    let mut there = case.volumes();
    there.sort();
    assert_eq!(there, left);
    docker(&["rm", &format!("{}-other", case.user.app)]);
    case.user.haloy("prune --apply").ok();
    assert_eq!(case.volumes(), vec![new.clone()]);
    let events = case.user.haloy("events").ok().out;
    assert!(events.contains(&format!("volume {old} is scheduled for removal, with its data")), "{events}");
    assert!(events.contains(&format!("volume {old} removed, with its data")), "{events}");

    let refused = case.user.haloy("stop --remove-volumes").exits(2);
    assert!(refused.err.contains(&new), "{}", refused.err);
    assert_eq!(case.mounted(), [new]);
    case.user.haloy("stop --remove-volumes --yes").ok();
    assert_eq!(case.volumes(), Vec::<String>::new());
}

#[test]
fn a_database_whose_data_has_no_named_place_is_refused_before_anything_stops() {
    if !engine() {
        return;
    }
    let case = Case::new("db");
    let path = |volume: &str| format!("preset: database\nvolumes: [\"{volume}:/data\"]\n");
    // Before it had that preset, its data went into a volume that the configuration did not name.
    case.deploy(REPLACE);
    case.write("row-3");
    let before = (case.container(), case.mounted());
    case.config("preset: database\n");
    let refused = case.user.haloy("deploy --yes").exits(3);
    let said = format!("- {}:/data (where it is now)", before.1[0]);
    assert!(
        refused.out.contains("the image keeps data at /data") && refused.out.contains(&said),
        "{}",
        refused.out
    );
    assert_eq!((case.container(), case.mounted()), before);
    assert_eq!(case.read(), "row-3");
    case.config(&path(&before.1[0]));
    case.user.haloy("deploy --yes").ok();
    assert_eq!(case.read(), "row-3");
}

#[test]
fn a_volume_without_a_name_survives_the_container_of_an_older_haloy() {
    if !engine() {
        return;
    }
    let case = Case::new("older");
    case.deploy(REPLACE);
    let label = |name: &str| {
        let format = format!("{{{{index .Config.Labels \"haloy.{name}\"}}}}");
        format!("haloy.{name}={}", docker(&["inspect", "-f", &format, &case.container()]))
    };
    // The container is made again as an older haloy made it: the same labels, and an anonymous volume.
    let names = ["ledger", "app", "target", "deployment", "replica", "release", "effect", "port"];
    let labels: Vec<String> = names.iter().flat_map(|name| ["--label".to_owned(), label(name)]).collect();
    docker(&["rm", "-f", &case.container()]);
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    docker(&[&["run", "-d", "--network", "haloy"], labels.as_slice(), &[case.image.as_str()]].concat());
    let anonymous = case.mounted()[0].clone();
    assert_eq!(anonymous.len(), 64);
    case.write("row-4");
    let answer = case.deploy(REPLACE);
    assert!(answer.err.contains(&format!("volume {anonymous} of /data stays")), "{}", answer.err);
    let volumes = docker(&["volume", "ls", "-q"]);
    assert!(volumes.lines().any(|volume| volume == anonymous), "{volumes}");
}
