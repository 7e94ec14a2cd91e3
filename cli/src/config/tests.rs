//! What the file accepts and refuses, by example.

mod dotenv;
mod habits;
mod oracle;
mod refused;
mod scalars;

use super::formats::Format;
use super::*;
use haloy_ledger::release::HistoryStrategy;

fn parse(text: &str) -> Result<ConfigFile, Problems> {
    ConfigFile::parse(PathBuf::from("haloy.yaml"), text.to_owned(), Format::Yaml, true)
}

fn resolved(text: &str) -> Vec<TargetConfig> {
    let file = parse(text).expect("no mistakes");
    file.resolve(&file.names()).expect("resolves")
}

fn mistakes(text: &str) -> String {
    let error = match parse(text) {
        Err(problems) => problems.to_string(),
        Ok(file) => file.resolve(&file.names()).expect_err("a mistake").to_string(),
    };
    eprintln!("{error}");
    error
}

#[test]
fn containers_are_called_as_their_target() {
    let aliases = |text: &str| -> Vec<(String, Option<String>)> {
        resolved(text).into_iter().map(|target| (target.app.to_string(), target.config.alias)).collect()
    };
    let of = |app: &str, alias: &str| (app.to_owned(), Some(alias.to_owned()));
    let two = "image: a/b\ntargets: {db: {preset: database}, web: {name: front}}\n";
    assert_eq!(aliases(&format!("name: shop\n{two}")), [of("shop", "db"), of("front", "front")]);
    assert_eq!(aliases(two), [of("db", "db"), of("front", "front")]);
    assert_eq!(aliases("name: shop\nimage: a/b\n"), [of("shop", "shop")]);
}

const APP: &str = "name: app\nimage: my-org/app:v1\n";

#[test]
fn several_mistakes_are_told_at_once_with_place_and_suggestion() {
    let told = mistakes("name: app\nimage:\n  repositry: x\n  tag: v1\nreplica: 3\nport: high\n");
    assert!(told.contains("haloy.yaml:3:3: unknown key `repositry` in `image`"));
    assert!(told.contains("did you mean `repository`?"));
    assert!(told.contains("haloy.yaml:5:1: unknown key `replica` in the file"));
    assert!(told.contains("haloy.yaml:6:7: `port` is `high`, and must be a whole number"));
}

#[test]
fn unknown_keys_are_found_in_lists_too() {
    let told = mistakes(&format!(
        "{APP}env:\n  - name: A\n    valu: 1\ndomains:\n  - domain: a.com\n    alias: b.com\n"
    ));
    assert!(told.contains("unknown key `valu`") && told.contains("did you mean `value`?"), "{told}");
    assert!(told.contains("unknown key `alias`") && told.contains("did you mean `aliases`?"), "{told}");
}

#[test]
fn bad_yaml_names_its_place() {
    let told = mistakes("name: app\n\timage: x\n");
    assert!(told.contains("haloy.yaml:1:") && told.contains("line 2 starts with a tab"), "{told}");
    let told = mistakes("name: [app\n");
    assert!(told.contains("haloy.yaml:"), "{told}");
}

#[test]
fn a_target_overrides_by_field_and_siblings_stay_apart() {
    let targets = resolved(
        "name: app\nimage:\n  repository: my-org/app\n  tag: v1\n  history: {strategy: local, count: 5}\n\
         env:\n  - {name: A, value: root}\n  - {name: B, value: root}\n\
         targets:\n  production:\n    env: [{name: B, value: own}]\n    replicas: 3\n  staging:\n    image: {tag: v2}\n    preset: service\n",
    );
    let [production, staging] = targets.as_slice() else { panic!("two targets") };
    assert_eq!(production.app.as_str(), "app", "the name of the root is the app's");
    assert_eq!(production.config.image.reference.as_str(), "my-org/app:v1");
    assert_eq!(production.config.replicas, 3);
    let env: Vec<_> = production.env.iter().map(|v| (v.name.as_str(), v.value.as_str())).collect();
    assert_eq!(env, [("A", "root"), ("B", "own")]);
    assert_eq!(staging.config.image.reference.as_str(), "my-org/app:v2");
    assert_eq!(staging.config.replicas, 1);
    assert_eq!(staging.config.retention.count, 5, "the root's history is kept, whatever the preset");
}

#[test]
fn numbers_keep_their_text() {
    let [target] = resolved(
        "name: app\nport: \"9000\"\nimage: {repository: a/b, tag: 1.10}\nenv: [{name: N, value: 012}]\n",
    )
    .try_into()
    .expect("one");
    assert_eq!(target.config.image.reference.as_str(), "a/b:1.10");
    assert_eq!(target.env[0].value, "012");
    assert_eq!(target.config.port, 9000);
}

#[test]
fn registry_strategy_needs_tags_that_stay() {
    let file = |tag: &str, pattern: &str| {
        format!(
            "name: a\nimage:\n  repository: x/y\n  tag: {tag}\n  history: {{strategy: registry, pattern: \"{pattern}\"}}\n"
        )
    };
    assert!(mistakes(&file("latest", "v*")).contains("a tag that never moves"));
    assert!(mistakes(&file("1.0", "v*")).contains("does not match the pattern `v*`"));
    assert_eq!(resolved(&file("v1.0", "v*")).len(), 1);
    assert!(
        mistakes("name: a\nimage:\n  repository: x/y\n  tag: v1\n  history: {strategy: registry}\n")
            .contains("needs `pattern`")
    );
    let built = "name: a\nimage:\n  repository: x/y\n  tag: v1\n  build: true\n  history: {strategy: registry, pattern: \"v*\"}\n";
    assert!(mistakes(built).contains("add `push: registry` to `build_config`"));
}

#[test]
fn a_target_picks_one_of_the_named_images() {
    let file = |key: &str| {
        format!(
            "name: a\nimages:\n  web: {{repository: x/web, tag: v1, history: {{strategy: registry, pattern: \"v*\"}}}}\n  job: {{repository: x/job, tag: v2}}\ntargets:\n  one: {{image_key: web}}\n  two: {{image_key: {key}}}\n"
        )
    };
    let [one, two] = resolved(&file("job")).try_into().expect("two");
    assert_eq!(one.config.image.reference.as_str(), "x/web:v1");
    assert_eq!(one.config.retention.strategy, HistoryStrategy::Registry);
    assert_eq!(two.config.image.reference.as_str(), "x/job:v2");
    assert_eq!(two.config.retention.strategy, HistoryStrategy::Local);
    assert!(mistakes(&file("jbo")).contains("jbo"));
}

#[test]
fn references_between_env_entries() {
    let [target] = resolved(&format!(
        "{APP}env:\n  - {{name: HOST, value: db}}\n  - {{name: URL, value: \"pg://${{HOST}}/${{OTHER}}\"}}\n  - {{name: P, from: {{env: PATH}}}}\n  - {{name: Q, value: \"x${{P}}\"}}\n"
    ))
    .try_into()
    .expect("one");
    assert_eq!(target.env[1].value, "pg://db/${OTHER}", "unknown names stay as they are");
    assert!(!target.env[1].secret);
    assert!(target.env[3].secret, "what holds a value from elsewhere is a secret itself");
    let told = mistakes(&format!(
        "{APP}env:\n  - {{name: A, value: \"${{B}}\"}}\n  - {{name: B, value: \"${{A}}\"}}\n"
    ));
    assert!(told.contains("A -> B -> A"), "{told}");
}

#[test]
fn a_value_that_is_not_set_is_named_and_never_shown() {
    let told = mistakes(&format!("{APP}env:\n  - name: K\n    from: {{env: HALOY_NOT_SET_ANYWHERE}}\n"));
    assert!(told.contains("the variable HALOY_NOT_SET_ANYWHERE, which is not set"));
    let told = mistakes(&format!("{APP}env:\n  - {{name: K, value: hunter2, from: {{env: X}}}}\n"));
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn rules_that_tie_keys_together() {
    assert!(
        mistakes(&format!("{APP}naming_strategy: static\n")).contains("needs `deployment_strategy: replace`")
    );
    assert!(mistakes(&format!("{APP}health_check_path: health\n")).contains("write `/health`"));
    assert!(mistakes(&format!("{APP}replicas: 0\n")).contains("between 1 and 100"));
    assert!(mistakes(&format!("{APP}history: {{count: 0}}\n")).contains("between 1 and 1000"));
    assert!(mistakes(&format!("{APP}volumes: [\"./data:/data\"]\n")).contains("does not begin with `/`"));
    assert!(mistakes(&format!("{APP}domains: [\"-bad-\"]\n")).contains("not a valid host name"));
    let twice = format!("{APP}domains:\n  - domain: a.com\n    aliases: [www.a.com]\n  - WWW.a.com\n");
    assert!(mistakes(&twice).contains("www.a.com is named twice"));
    assert!(mistakes("name: app\nimage: my org/app\n").contains("white space"));
    assert!(mistakes("image: a/b\n").contains("no `name`"));
}

#[test]
fn presets_fill_what_is_left_out() {
    let [target] = resolved("name: db\nimage: postgres:16\npreset: database\n").try_into().expect("one");
    assert_eq!(target.config.retention.strategy, haloy_ledger::release::HistoryStrategy::None);
    assert!(target.config.protected);
    assert_eq!(target.config.image.pull_policy, haloy_ledger::release::PullPolicy::IfMissing);
}

#[test]
fn json_and_toml_say_the_same() {
    let json = r#"{"name":"app","image":{"repository":"my-org/app","tag":"v1"},"deploymentStrategy":"replace","targets":{"stagingEu":{"minReadySeconds":3}}}"#;
    let toml = "name = \"app\"\ndeployment_strategy = \"replace\"\n[image]\nrepository = \"my-org/app\"\ntag = \"v1\"\n[targets.stagingEu]\nmin_ready_seconds = 3\n";
    for (text, format) in [(json, Format::Json), (toml, Format::Toml)] {
        let file = ConfigFile::parse(PathBuf::from("haloy"), text.to_owned(), format, true).expect("reads");
        let targets = file.resolve(&file.names()).expect("resolves");
        assert_eq!(targets[0].target.as_str(), "stagingEu");
        assert_eq!(targets[0].config.health.min_ready_seconds, 3);
        assert_eq!(targets[0].config.rollout, haloy_ledger::release::RolloutStrategy::Replace);
    }
    let wrong = ConfigFile::parse(
        PathBuf::from("h.toml"),
        "name = \"a\"\n[image]\ntagg = 1\n".to_owned(),
        Format::Toml,
        true,
    );
    let told = wrong.expect_err("a mistake").to_string();
    assert!(told.contains("h.toml:3:1") && told.contains("did you mean `tag`?"), "{told}");
}

#[test]
fn selection_takes_globs_and_asks_where_it_must() {
    let file =
        parse("name: a\nimage: x/y\ntargets:\n  prod-eu: {}\n  prod-us: {protected: true}\n  staging:\n")
            .expect("reads");
    let pick = |names: &[&str], all: bool| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        file.select(&Selection { names, all, ..Selection::default() })
            .map(|named| named.into_iter().map(|n| n.target).collect::<Vec<_>>())
    };
    assert_eq!(pick(&["prod-*"], false).expect("matches"), ["prod-eu", "prod-us"]);
    assert_eq!(pick(&["staging,prod-eu"], false).expect("matches"), ["prod-eu", "staging"]);
    assert_eq!(pick(&[], true).expect("all"), ["prod-eu", "staging"]);
    assert!(matches!(pick(&[], false), Err(ConfigError::WhichTarget { .. })));
    let wrong = pick(&["stagin"], false).expect_err("no such target");
    assert!(matches!(wrong, ConfigError::NoTarget { close: Some(close), .. } if close == "staging"));
}

/// Every example of the specification, its indentation restored.
#[test]
fn the_examples_of_the_specification_are_accepted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples");
    let mut seen = 0;
    for example in std::fs::read_dir(folder).expect("examples").flatten() {
        let text = std::fs::read_to_string(example.path()).expect("text");
        let file = parse(&text).unwrap_or_else(|error| panic!("{}: {error}", example.path().display()));
        assert!(!file.names().is_empty());
        seen += 1;
    }
    assert_eq!(seen, 7);
}
